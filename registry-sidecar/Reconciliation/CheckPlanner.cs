using Consul;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// From what holds for the sidecar's own checks, and what the agent has of them, to what has to be told. What is the same is
/// told again only before its time to live runs out, in the same words, so that nobody who watches is woken.
/// </summary>
internal static class CheckPlanner
{
    /// <summary>
    /// The reason of a maintenance that a pause led to. Maintenance for any other reason is an operator's, and stays.
    /// </summary>
    public const string PauseReason = "paused in Docker, says the registry-sidecar";

    // Told again at the latest after a third of its time to live, and then together with those that are nearly due. Over its restart an
    // agent keeps of a TTL check only what it was told after the registration, so that is said once more, and a moment later, so that
    // it holds up no registration.
    private static readonly (int Part, TimeSpan AfterRegistration) Latest = (3, TimeSpan.FromSeconds(1));
    private static readonly (int Part, TimeSpan AfterRegistration) Earliest = (4, TimeSpan.FromSeconds(0.5));

    public static CheckPlan Plan(CheckInput input)
    {
        var kept = input.Desired.Where(instance => IsHeldBy(instance, input))
            .SelectMany(instance => instance.Reported)
            .Where(report => ActualOf(report, input) is not null)
            .ToList();
        var changed = kept.Where(report => Differs(report, input)).Concat(Ended(input)).ToList();
        var refreshed = kept.Except(changed).Where(report => IsNearlyDue(report, input)).Select(report => InSameWords(report, input));
        return new CheckPlan([.. changed, .. refreshed], Pausing(input), Resuming(input), kept);
    }

    public static TimeSpan DueOf(ReportedCheck report, Told told) => DueOf(report, told, Latest);

    public static string MaintenanceOf(string serviceId) => HealthStatus.ServiceMaintenancePrefix + serviceId;

    /// <summary>
    /// The status decides. Another output alone is no news, but the first that there is: Consul may be told to keep none.
    /// </summary>
    private static bool Differs(ReportedCheck report, CheckInput input)
    {
        var actual = input.Checks[report.CheckId];
        return actual.Status != report.Status
            || (actual.Output.Length == 0 && report.Output.Length > 0 && input.LastTold(report.CheckId)?.Output is null or "");
    }

    private static bool IsNearlyDue(ReportedCheck report, CheckInput input) =>
        input.LastTold(report.CheckId) is not { } told || DueOf(report, told, Earliest) <= input.Now;

    private static TimeSpan DueOf(ReportedCheck report, Told told, (int Part, TimeSpan AfterRegistration) when) =>
        told.At + (report.TimeToLive / when.Part is var usual && (told.IsKept || usual < when.AfterRegistration) ? usual : when.AfterRegistration);

    private static ReportedCheck InSameWords(ReportedCheck report, CheckInput input) =>
        report with { Output = input.LastTold(report.CheckId)?.Output ?? input.Checks[report.CheckId].Output };

    /// <summary>A container ended, but its registration stays by the policy: it is not healthy any more.</summary>
    private static IEnumerable<ReportedCheck> Ended(CheckInput input) =>
        from service in input.Services.Values
        where input.Owner.Owns(service)
        where input.FateOf(Ownership.ContainerOf(service)).State is ContainerState.Ended or ContainerState.Exited or ContainerState.Absent
        from check in input.Checks.Values
        where check.ServiceID == service.ID && ReportedCheck.Is(check)
        let report = ReportedCheck.Ended(check)
        where check.Status != report.Status
        select report;

    // Another service's check under this id is not spoken for.
    private static AgentCheck? ActualOf(ReportedCheck report, CheckInput input) =>
        input.Checks.GetValueOrDefault(report.CheckId) is { } actual && actual.ServiceID == report.ServiceId ? actual : null;

    private static List<string> Pausing(CheckInput input) =>
        [.. Ids(input, paused: true).Where(id => !input.Checks.ContainsKey(MaintenanceOf(id)))];

    private static List<string> Resuming(CheckInput input) =>
        [.. Ids(input, paused: false).Where(id => input.Checks.GetValueOrDefault(MaintenanceOf(id))?.Notes == PauseReason)];

    private static IEnumerable<string> Ids(CheckInput input, bool paused) => input.Desired
        .Where(instance => instance.Container.IsPaused == paused && IsHeldBy(instance, input))
        .Select(instance => instance.Registration.ID!);

    // Of two that claim one id only the one who has it speaks for it.
    private static bool IsHeldBy(DesiredInstance instance, CheckInput input) =>
        input.Services.TryGetValue(instance.Registration.ID!, out var service)
        && input.Owner.Owns(service)
        && Ownership.ContainerOf(service) == instance.Container.Id;
}

/// <summary>What the planner decides by.</summary>
/// <param name="Desired">The instances of all running containers.</param>
/// <param name="Services">The agent's instances by id.</param>
/// <param name="Checks">The agent's checks by id.</param>
/// <param name="Owner">Who this sidecar is.</param>
/// <param name="FateOf">What became of a container, by its id.</param>
/// <param name="LastTold">What this sidecar last told about a check, by its id.</param>
/// <param name="Now">The time.</param>
internal sealed record CheckInput(
    IReadOnlyList<DesiredInstance> Desired,
    IReadOnlyDictionary<string, AgentService> Services,
    IReadOnlyDictionary<string, AgentCheck> Checks,
    Ownership Owner,
    Func<string, ContainerFate> FateOf,
    Func<string, Told?> LastTold,
    TimeSpan Now);

/// <summary>What the agent was last told about a check.</summary>
/// <param name="At">When.</param>
/// <param name="Output">With which output.</param>
/// <param name="IsKept">Whether it keeps that over its restart, as it does not with what came with the registration.</param>
internal sealed record Told(TimeSpan At, string Output, bool IsKept = true);

/// <summary>What has to be told.</summary>
/// <param name="Reports">The checks, those that changed first.</param>
/// <param name="Pause">The instances that go into maintenance.</param>
/// <param name="Resume">The instances whose maintenance ends.</param>
/// <param name="Kept">All checks that the sidecar keeps alive, whether they are to be told now or not.</param>
internal sealed record CheckPlan(
    IReadOnlyList<ReportedCheck> Reports, IReadOnlyList<string> Pause, IReadOnlyList<string> Resume, IReadOnlyList<ReportedCheck> Kept);
