using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Keeps the sidecar's own checks at the agent equal to what holds, after the registrations of each pass.</summary>
internal sealed class CheckReporter(AgentState agent, AgentWriter writer, RetryLedger retries, TimeProvider time)
{
    /// <summary>So many in one pass; the next follows at once, but what happened meanwhile comes first.</summary>
    private const int AtOnce = 32;

    private readonly Dictionary<string, Told> told = new(StringComparer.Ordinal);

    /// <summary>When there is something to tell again although nothing happens.</summary>
    public TimeSpan? NextDue { get; private set; }

    public async Task ReportAsync(
        IReadOnlyList<DesiredInstance> desired, Ownership owner, Func<string, ContainerFate> fateOf, CancellationToken ct)
    {
        // After a write of this pass that failed nobody knows what the agent has.
        if (!agent.IsKnown)
            return;
        Remember(desired);
        var plan = CheckPlanner.Plan(new CheckInput(
            desired, agent.Services, agent.Checks, owner, fateOf, id => told.GetValueOrDefault(id), time.Steady()));
        var all = plan.Reports.Where(IsDue).ToList();
        var now = all.Take(AtOnce).ToList();
        var ended = await writer.TellAsync(plan, now, ct);
        var left = now.Where(report => !ended.ContainsKey(AgentWriter.SubjectOf(report))).Select(report => report.CheckId).ToHashSet(StringComparer.Ordinal);
        foreach (var report in now.Where(report => !HasFailed(report) && !left.Contains(report.CheckId)))
            told[report.CheckId] = new Told(time.Steady(), report.Output);
        // What was left because nobody answered is told together with what failed.
        NextDue = all.Count > now.Count ? time.Steady() : NextOf(plan.Kept.Where(report => !left.Contains(report.CheckId)));
    }

    /// <summary>What began just now has been told with its registration.</summary>
    private void Remember(IReadOnlyList<DesiredInstance> desired)
    {
        var wanted = desired.SelectMany(instance => instance.Reported).Select(report => report.CheckId).ToHashSet(StringComparer.Ordinal);
        foreach (var id in told.Keys.Where(id => !wanted.Contains(id)).ToList())
            told.Remove(id);
        foreach (var id in agent.TakeBegun().Where(wanted.Contains))
            told[id] = new Told(time.Steady(), "", IsKept: false);
    }

    // What failed comes back by its own backoff.
    private TimeSpan? NextOf(IEnumerable<ReportedCheck> kept)
    {
        var dues = kept.Where(report => !HasFailed(report) && told.ContainsKey(report.CheckId))
            .Select(report => (TimeSpan?)CheckPlanner.DueOf(report, told[report.CheckId]));
        return dues.Min();
    }

    private bool IsDue(ReportedCheck report) => retries.IsDue(AgentWriter.SubjectOf(report));

    private bool HasFailed(ReportedCheck report) => retries.DueOf(AgentWriter.SubjectOf(report)) is not null;
}
