using System.Collections.Concurrent;
using Consul;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Writes a plan to the agent. What fails is tried again later, alone; the rest of the plan goes on.</summary>
internal sealed partial class AgentWriter(AgentState agent, RetryLedger retries, ILogger<AgentWriter> log)
{
    private const int Parallelism = 8;

    public async Task ApplyAsync(RegistrationPlan plan, CancellationToken ct)
    {
        var pending = plan.Deregister.Select(Leaving).Concat(plan.Register.Select(Coming))
            .ToDictionary(write => write.Subject, StringComparer.Ordinal);
        retries.Keep(subject => !Write.IsSubject(subject) || pending.ContainsKey(subject));
        var due = pending.Values.Where(write => retries.IsDue(write.Subject)).ToList();
        var failures = new ConcurrentDictionary<string, Exception>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(due, Limits(ct), async (write, token) =>
        {
            try
            {
                await write.Call(token);
                write.Log();
            }
            catch (Exception error) when (!ct.IsCancellationRequested)
            {
                failures[write.Subject] = error;
            }
        });
        foreach (var write in due.Where(write => !failures.ContainsKey(write.Subject)))
            retries.Succeeded(write.Subject);
        foreach (var (subject, error) in failures)
            Note(subject, error);
    }

    /// <summary>Takes out everything that is owned, at the sidecar's end.</summary>
    public async Task RemoveAllAsync(Ownership owner, CancellationToken ct)
    {
        try
        {
            // Read anew: a registration may have been under way when the last pass was cancelled.
            await agent.ReadAsync(ct);
            foreach (var id in agent.Services.Values.Where(owner.Owns).Select(service => service.ID).ToList())
            {
                await agent.DeregisterAsync(id, ct);
                Deregistered(Shown(id));
            }
        }
        catch (ConsulRequestException error)
        {
            NotRemoved(error.Message);
        }
    }

    private Write Leaving(string id) =>
        new(Write.Deregistering + id, ct => agent.DeregisterAsync(id, ct), () => Deregistered(Shown(id)));

    private Write Coming(Registering registering)
    {
        var to = registering.Registration;
        return new Write(
            Write.Registering + to.ID,
            ct => agent.RegisterAsync(registering, ct),
            () => Registered(Shown(to.ID!), Shown(to.Name!), to.Address!, to.Port, Shown(string.Join(", ", to.Tags!))));
    }

    private void Note(string subject, Exception error)
    {
        if (retries.Failed(subject, error.Message))
            Refused(subject, error.Message);
        // A refusal changed nothing. After anything else nobody knows what the agent has.
        if (error is not ConsulRequestException { Fault: ConsulFault.Rejected or ConsulFault.Forbidden or ConsulFault.TooLarge })
            agent.Forget();
    }

    // A hostile label must not fill the log.
    private static string Shown(string text) => text.Length > 200 ? text[..200] + "…" : text;

    private static ParallelOptions Limits(CancellationToken ct) => new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct };

    [LoggerMessage(LogLevel.Information, "Registered {Id} as {Service} at {Address}:{Port} [{Tags}]")]
    private partial void Registered(string id, string service, string address, int port, string tags);

    [LoggerMessage(LogLevel.Information, "Deregistered {Id}")]
    private partial void Deregistered(string id);

    [LoggerMessage(LogLevel.Warning, "{Subject} failed; it is tried again until it succeeds: {Reason}")]
    private partial void Refused(string subject, string reason);

    [LoggerMessage(LogLevel.Warning, "The registrations of this node could not be removed: {Reason}")]
    private partial void NotRemoved(string reason);

    private sealed record Write(string Subject, Func<CancellationToken, Task> Call, Action Log)
    {
        public const string Registering = "Registering ";
        public const string Deregistering = "Deregistering ";

        public static bool IsSubject(string subject) =>
            subject.StartsWith(Registering, StringComparison.Ordinal) || subject.StartsWith(Deregistering, StringComparison.Ordinal);
    }
}
