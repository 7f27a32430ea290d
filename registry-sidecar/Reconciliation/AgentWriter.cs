using System.Collections.Concurrent;
using System.Net;
using Consul;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Writes a plan to the agent. What fails is tried again later, alone; the rest of the plan goes on.</summary>
internal sealed partial class AgentWriter(
    AgentState agent, RetryLedger retries, SidecarMetrics metrics, ILogger<AgentWriter> log)
{
    /// <summary>So many registrations in one pass; the next follows at once, but what happened meanwhile comes first.</summary>
    public const int AtOnce = 64;

    /// <summary>Whether there was more in the last plan than one pass writes.</summary>
    public bool HasMore { get; private set; }

    /// <summary>Writes the plan, or the first part of it.</summary>
    /// <param name="plan">All that there is to write.</param>
    /// <param name="first">The containers whose writes come before the others'.</param>
    /// <param name="ct">Ends the calls.</param>
    public async Task ApplyAsync(RegistrationPlan plan, IReadOnlySet<string> first, CancellationToken ct)
    {
        // What comes under another id is in the catalog throughout: the old one leaves in a pass that finds the new one there.
        var coming = plan.Register.Select(one => (ContainerOf(one.Registration), one.Registration.Port)).ToHashSet();
        var leaving = plan.Deregister.ToLookup(id =>
            agent.Services.GetValueOrDefault(id) is { } service && coming.Contains((Ownership.ContainerOf(service), service.Port)));
        List<Write> writes = [.. leaving[false].Select(Leaving), .. plan.Register.Select(Coming)];
        // A container with many writes keeps nobody's first one waiting, and its own stay in their order.
        var inTurn = writes.GroupBy(write => write.Container, StringComparer.Ordinal)
            .SelectMany(own => own.Index())
            .OrderByDescending(write => first.Contains(write.Item.Container))
            .ThenBy(write => write.Index)
            .Select(write => write.Item);
        var ended = await ApplyAsync([.. inTurn], Write.IsRegistration, AtOnce, ct);
        // Whatever failed waits for its own time, so each pass comes further; where too many had no answer, the rest waits with them.
        HasMore = ended.Count == AtOnce || (leaving[true].Any() && ended.Values.Contains(null));
        metrics.Wrote(writes.DistinctBy(write => write.Subject).ToDictionary(write => write.Subject, write => write.Container, StringComparer.Ordinal), ended);
    }

    /// <summary>Tells the agent of pauses and checks.</summary>
    /// <param name="plan">All that there is to tell.</param>
    /// <param name="now">Those of the plan's checks that are told now.</param>
    /// <param name="ct">Ends the calls.</param>
    /// <returns>How those ended that were told, by subject: the error, or <c>null</c> for none. The rest was left for another time.</returns>
    public async Task<IReadOnlyDictionary<string, Exception?>> TellAsync(CheckPlan plan, IReadOnlyList<ReportedCheck> now, CancellationToken ct)
    {
        var later = plan.Reports.Select(SubjectOf).ToHashSet(StringComparer.Ordinal);
        var ended = await ApplyAsync(
            [.. plan.Pause.Select(Pausing), .. plan.Resume.Select(Resuming), .. now.Select(Telling)],
            subject => Write.IsCheck(subject) && !later.Contains(subject),
            int.MaxValue,
            ct);
        if (ended.Values.Contains(null))
            metrics.Accepted();
        return ended;
    }

    public static string SubjectOf(ReportedCheck report) => Write.Telling + report.CheckId;

    private async Task<IReadOnlyDictionary<string, Exception?>> ApplyAsync(List<Write> writes, Func<string, bool> isOver, int atOnce, CancellationToken ct)
    {
        var pending = writes.Select(write => write.Subject).ToHashSet(StringComparer.Ordinal);
        retries.Keep(subject => !isOver(subject) || pending.Contains(subject));
        var due = writes.Where(write => retries.IsDue(write.Subject)).DistinctBy(write => write.Subject).Take(atOnce).ToList();
        var ended = new ConcurrentDictionary<string, Exception?>(StringComparer.Ordinal);
        if (due.Count > 0)
            await TryAsync(due, ended, ct);
        foreach (var (subject, error) in ended)
        {
            if (error is null)
                retries.Succeeded(subject);
            else
                Note(subject, error);
        }

        return ended;
    }

    /// <summary>Takes out everything that is owned, at the sidecar's end.</summary>
    public async Task RemoveAllAsync(Ownership owner, CancellationToken ct)
    {
        try
        {
            // Read anew: a registration may have been under way when the last pass was cancelled.
            await agent.ReadAsync(ct);
        }
        catch (ConsulRequestException error)
        {
            NotRead(ForeignText.Shown(error.Message));
            return;
        }

        var owned = agent.Services.Values.Where(owner.Owns).ToList();
        var ended = new ConcurrentDictionary<string, Exception?>(StringComparer.Ordinal);
        try
        {
            await TryAsync([.. owned.Select(service => Leaving(service.ID))], ended, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The time is over; how much was done is told below.
        }

        var removed = ended.Values.Count(error => error is null);
        if (removed < owned.Count)
            NotRemoved(owned.Count - removed, owned.Count, ForeignText.Shown(ended.Values.FirstOrDefault(error => error is not null)?.Message ?? "the time was over"));
    }

    /// <summary>Makes each write, several at a time. Where so many had no answer, the agent hangs: the rest is left for another time.</summary>
    /// <param name="writes">What is to be written.</param>
    /// <param name="ended">Takes how those ended that were made: the error, or <c>null</c> for none.</param>
    /// <param name="ct">Ends the calls.</param>
    private static async Task TryAsync(IReadOnlyList<Write> writes, ConcurrentDictionary<string, Exception?> ended, CancellationToken ct)
    {
        var silent = 0;
        await Calls.ForEachAsync(
            writes,
            async (write, token) =>
            {
                if (silent >= Calls.AtATime)
                    return;
                try
                {
                    await write.Call(token);
                    write.Log();
                    ended[write.Subject] = null;
                }
                catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
                {
                    ended[write.Subject] = error;
                    if (error is ConsulRequestException { Fault: ConsulFault.Timeout })
                        Interlocked.Increment(ref silent);
                }
            },
            ct);
    }

    private Write Leaving(string id)
    {
        var container = Ownership.ContainerOf(agent.Services.GetValueOrDefault(id));
        return new Write(
            Write.Deregistering + id,
            ct => metrics.DeregisteringAsync(container, agent.DeregisterAsync(id, ct)),
            () => Deregistered(ForeignText.Shown(id)),
            container);
    }

    private Write Coming(Registering registering)
    {
        var to = registering.Registration;
        var container = ContainerOf(to);
        return new Write(
            Write.Registering + to.ID,
            ct => metrics.RegisteringAsync(container, agent.RegisterAsync(registering, ct)),
            () => Registered(ForeignText.Shown(to.ID!), ForeignText.Shown(to.Name!), to.Address!, to.Port, ForeignText.Shown(string.Join(", ", to.Tags!))),
            container);
    }

    private static string ContainerOf(AgentServiceRegistration registration) => registration.Meta!.TryGetValue(InstanceMeta.Container, out var container) ? container : "";

    private Write Pausing(string id) =>
        new(Write.Pausing + id, ct => agent.PauseAsync(id, CheckPlanner.PauseReason, ct), () => Paused(ForeignText.Shown(id)));

    private Write Resuming(string id) => new(Write.Resuming + id, ct => agent.ResumeAsync(id, CheckPlanner.PauseReason, ct), () => Resumed(ForeignText.Shown(id)));

    private Write Telling(ReportedCheck report)
    {
        var isNews = agent.Checks.GetValueOrDefault(report.CheckId)?.Status != report.Status;
        return new Write(SubjectOf(report), ct => agent.ReportAsync(report, ct), () =>
        {
            // A heartbeat is no news.
            if (isNews)
                Changed(ForeignText.Shown(report.CheckId), report.Status.Status, ForeignText.Shown(report.Output));
        });
    }

    private void Note(string subject, Exception error)
    {
        // Registrations are counted where their lag is.
        if (Write.IsCheck(subject))
            metrics.ConsulFailed(error);
        if (retries.Failed(subject, error.Message))
            Refused(ForeignText.Shown(subject), ForeignText.Shown(error.Message));
        // A refusal changed nothing. After anything else nobody knows what the agent has; nor if it does not have what it was believed to.
        if (error is not ConsulRequestException { Fault: ConsulFault.Rejected or ConsulFault.Forbidden or ConsulFault.TooLarge, StatusCode: not HttpStatusCode.NotFound })
            agent.Forget();
    }

    [LoggerMessage(LogLevel.Information, "Registered {Id} as {Service} at {Address}:{Port} [{Tags}]")]
    private partial void Registered(string id, string service, string address, int port, string tags);

    [LoggerMessage(LogLevel.Information, "Deregistered {Id}")]
    private partial void Deregistered(string id);

    [LoggerMessage(LogLevel.Information, "Paused {Id}: it is in maintenance")]
    private partial void Paused(string id);

    [LoggerMessage(LogLevel.Information, "Resumed {Id}: its maintenance is over")]
    private partial void Resumed(string id);

    [LoggerMessage(LogLevel.Information, "Check {Id} is {Status}. {Output}")]
    private partial void Changed(string id, string status, string output);

    [LoggerMessage(LogLevel.Warning, "{Subject} failed; it is tried again until it succeeds: {Reason}")]
    private partial void Refused(string subject, string reason);

    [LoggerMessage(LogLevel.Warning, "{Left} of this node's {All} registrations could not be removed: {Reason}")]
    private partial void NotRemoved(int left, int all, string reason);

    [LoggerMessage(LogLevel.Warning, "This node's registrations could not be removed: {Reason}")]
    private partial void NotRead(string reason);

    private sealed record Write(string Subject, Func<CancellationToken, Task> Call, Action Log, string Container = "")
    {
        public const string Registering = "Registering ";
        public const string Deregistering = "Deregistering ";
        public const string Pausing = "Pausing ";
        public const string Resuming = "Resuming ";
        public const string Telling = "Reporting ";

        public static bool IsRegistration(string subject) => Begins(subject, Registering) || Begins(subject, Deregistering);

        public static bool IsCheck(string subject) => Begins(subject, Pausing) || Begins(subject, Resuming) || Begins(subject, Telling);

        private static bool Begins(string subject, string verb) => subject.StartsWith(verb, StringComparison.Ordinal);
    }
}
