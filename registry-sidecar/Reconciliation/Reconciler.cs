using Consul;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Makes the agent's registrations equal to what runs, one pass after the other. A pass looks at levels, never at events, so
/// it does not matter what happened in which order, or that something failed before.
/// </summary>
internal sealed partial class Reconciler(
    SidecarOptions options,
    WorkQueue queue,
    DocumentWatch documents,
    OthersWatch others,
    ContainerCache containers,
    AgentState agent,
    AgentWriter writer,
    RetryLedger retries,
    SidecarMetrics metrics,
    TimeProvider time,
    ILogger<Reconciler> log) : BackgroundService
{
    private const string Listing = "Docker's list of containers";
    private const string Reading = "the Consul agent";
    private const string Rights = "the token needs agent:read, node:read and service:write";

    private readonly DesiredState desired = new();
    private readonly CheckReporter reporter = new(agent, writer, retries, time);
    private readonly HashSet<string> conflicts = new(StringComparer.Ordinal);
    // Containers to which something happened that a long plan may not have come to yet.
    private readonly HashSet<string> awaited = new(StringComparer.Ordinal);
    private readonly FormerSelf former = new(containers);
    private readonly HashSet<string> formerNodes = new(StringComparer.Ordinal);
    // What this process itself was called: its host may get another name while it runs.
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly TimeSpan graceEnds = time.Steady() + options.CleanupGrace;
    private TimeSpan nextResync;
    private Ownership? owner;
    private bool listDue;
    private bool trustNothing;

    // The next pass follows at once.
    private bool HasMore => containers.HasMore || writer.HasMore;

    private bool GraceIsOver => time.Steady() >= graceEnds;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
            await queue.WaitAsync(await PassAsync(stoppingToken), time, stoppingToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (options.OnExit != OnExit.Deregister)
            return;
        if (owner is null && options.Node is null)
            NamelessAtExit();
        else
            await writer.RemoveAllAsync(owner ?? OwnerOf(options.Node!), cancellationToken);
    }

    /// <summary>One pass over all that is to be done now.</summary>
    /// <returns>After how long there is something to do again, even if nothing happens.</returns>
    internal async Task<TimeSpan> PassAsync(CancellationToken ct)
    {
        if (time.Steady() >= nextResync)
        {
            listDue = true;
            agent.Forget();
            nextResync = time.Steady() + options.Resync;
        }

        var began = metrics.PassBegan();
        await PassAsync(queue.Take(), began, ct);
        return Patience();
    }

    private async Task PassAsync(Work work, long began, CancellationToken ct)
    {
        containers.Mark(work.Containers);
        awaited.UnionWith(work.Containers.Keys);
        listDue |= work.Everything;
        trustNothing |= work.Everything;
        if (work.Connection is not { } engine)
            return;

        var node = options.Node ?? engine.HostName;
        names.Add(node);
        owner = OwnerOf(node);
        await ListAsync(engine, ct);
        if (documents.Current is not { } stages || !await AgentIsKnownAsync(ct))
        {
            ForgetUnseen();
            return;
        }

        others.Follow(agent.Node, owner, ct);
        former.Begin(owner, agent.Services.Values);
        var owned = agent.Services.Values.Where(owner.Owns).ToList();
        containers.Need(owned.Select(Ownership.ContainerOf));
        await InspectAsync(engine, ct);

        if (former.IsSought)
        {
            foreach (var other in owner.LikelyFormerNodes(agent.Services.Values).Where(formerNodes.Add))
                Former(ForeignText.Shown(other));
        }

        var known = others.Current;
        if (known is not null)
            agent.Learn(owner, known);
        var plan = Plan(owner, stages);
        var isHearsay = plan.Register.Any(registering => agent.IsFreeByHearsay(registering.Registration.ID!));
        if (isHearsay || (plan.HasWrites && known is null))
        {
            if (!await ReadAsync(isHearsay ? agent.ReadAsync : ReadOthersAsync, ct))
                return;
            plan = Plan(owner, stages);
        }

        await writer.ApplyAsync(plan, awaited, ct);
        if (!HasMore)
            awaited.Clear();
        if (GraceIsOver && !containers.HasMore)
            former.EndIfDone(owner, agent.Services.Values);
        await reporter.ReportAsync(plan.Wanted, owner, FateOf, ct);
        containers.Prune(agent.Services.Values.Where(owner.Owns).Select(Ownership.ContainerOf).ToHashSet(StringComparer.Ordinal));
        metrics.PassEnded(began, containers.Running.Count(), agent.Services.Values.Count(owner.Owns), listed: !listDue, HasMore);
    }

    private Ownership OwnerOf(string node) =>
        new(node, options.Environment) { FormerNodes = [.. options.FormerNodes, .. names], Has = former.Has };

    // However long nothing can be compared, what comes and goes meanwhile leaves no trace. Before the grace is over it does: whose end
    // was seen is taken out at once.
    private void ForgetUnseen()
    {
        if (!GraceIsOver)
            return;
        containers.ForgetUnseen();
        awaited.RemoveWhere(id => !containers.Has(id));
        metrics.Forget(id => !containers.Has(id));
    }

    private async Task ListAsync(EngineConnection engine, CancellationToken ct)
    {
        if (!listDue || !retries.IsDue(Listing))
            return;
        try
        {
            await containers.ListAsync(engine.Client, trustNothing, ct);
            (listDue, trustNothing) = (false, false);
            retries.Succeeded(Listing);
        }
        catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            metrics.DockerFailed();
            Report(Listing, DockerFailure.Describe(error));
        }
    }

    private async Task<bool> AgentIsKnownAsync(CancellationToken ct) =>
        agent.IsKnown || (retries.IsDue(Reading) && await ReadAsync(agent.ReadAsync, ct));

    private async Task<bool> ReadAsync(Func<CancellationToken, Task> read, CancellationToken ct)
    {
        try
        {
            await read(ct);
            metrics.AgentAnswered();
            if (retries.Succeeded(Reading))
                retries.Clear();
            return true;
        }
        catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            agent.Forget();
            metrics.AgentFailed(error);
            // Consul itself does not say here which right is missing.
            Report(Reading, error is ConsulRequestException { Fault: ConsulFault.Forbidden } ? $"{error.Message}; {Rights}" : error.Message);
            return false;
        }
    }

    // An agent that does not take the expression tells all that it has.
    private async Task ReadOthersAsync(CancellationToken ct)
    {
        try
        {
            await agent.ReadOthersAsync(owner!, ct);
        }
        catch (ConsulRequestException error) when (error.Fault == ConsulFault.Rejected)
        {
            await agent.ReadAsync(ct);
        }
    }

    private async Task InspectAsync(EngineConnection engine, CancellationToken ct)
    {
        var inspection = await containers.InspectAsync(engine.Client, ct);
        foreach (var id in inspection.Seen)
            retries.Succeeded(ContainerCache.SubjectOf(id));
        foreach (var (id, reason) in inspection.Failed)
        {
            metrics.DockerFailed();
            Report(ContainerCache.SubjectOf(id), reason);
        }
    }

    private RegistrationPlan Plan(Ownership self, DocumentSet stages)
    {
        var context = new MappingContext(
            options, self.Node, agent.Address, stages, containers.FindRunning, id => agent.Services.GetValueOrDefault(id))
        {
            AgentVersion = agent.Version,
            IsUndecided = containers.IsUndecided,
        };
        foreach (var (container, mapped) in desired.Update(containers.Running, context))
            Tell(container, mapped);

        var plan = RegistrationPlanner.Plan(new PlanInput(
            desired.Instances,
            agent.Services,
            agent.Checks,
            self,
            options.Deregister,
            FateOf,
            id => GraceIsOver || containers.Witnessed(id)));
        foreach (var conflict in plan.Conflicts.Where(conflicts.Add))
            Conflict(ForeignText.Shown(conflict));
        conflicts.IntersectWith(plan.Conflicts);
        return plan;
    }

    private ContainerFate FateOf(string id) => desired.IsUndecided(id) ? new ContainerFate(ContainerState.Unknown) : containers.FateOf(id);

    private TimeSpan Patience()
    {
        // While the agent does not answer, nothing else can be tried either.
        TimeSpan?[] dues = retries.DueOf(Reading) is { } again ? [again, nextResync]
            : [retries.NextDue, reporter.NextDue, nextResync, HasMore ? time.Steady() : null, GraceIsOver ? null : graceEnds];
        var next = dues.Min()!.Value;
        var patience = next - time.Steady();
        return patience > TimeSpan.Zero ? patience : TimeSpan.Zero;
    }

    private void Report(string subject, string reason)
    {
        if (retries.Failed(subject, reason))
            Failed(subject, ForeignText.Shown(reason));
    }

    private void Tell(ContainerFacts container, MappedContainer mapped)
    {
        foreach (var warning in mapped.Warnings)
            Unusable(container.Name, ForeignText.Shown(warning));
        foreach (var reason in mapped.LeftOut)
            LeftOut(container.Name, ForeignText.Shown(reason));
    }
}
