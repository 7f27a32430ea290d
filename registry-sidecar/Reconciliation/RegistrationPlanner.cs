using Consul;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>From what should be registered and what is, to what has to be written. Nothing differs: nothing is written.</summary>
internal static class RegistrationPlanner
{
    public static RegistrationPlan Plan(PlanInput input)
    {
        var conflicts = new List<string>();
        var kept = new HashSet<string>(StringComparer.Ordinal);
        var stale = StaleChecks(input);
        var wanted = Settled(input, conflicts);
        var winners = Winners(wanted, input, conflicts, kept);
        var register = winners
            .Where(instance => !IsRegistered(instance.Registration, input, stale))
            .Select(instance => IsTakeover(instance, input.Actual)
                // All that the earlier one had goes with it.
                ? new Registering(instance.Registration, StaleChecks: [], IsTakeover: true)
                : new Registering(instance.Registration, [.. stale[instance.Registration.ID!]]))
            .ToList();
        // Whose new id is somebody else's keeps what he has, for he serves, by whatever name; but not where this sidecar has to tell how he
        // is, which it does by the new id alone.
        var waiting = wanted.Except(winners, ReferenceEqualityComparer.Instance).OfType<DesiredInstance>()
            .Where(instance => instance is { Reported.Count: 0, Container.IsPaused: false })
            .Select(instance => (instance.Container.Id, instance.Registration.Port)).ToHashSet();
        var deregister = input.Actual.Values
            .Where(service => input.Owner.Owns(service)
                && !kept.Contains(service.ID)
                && !waiting.Contains((Ownership.ContainerOf(service), service.Port))
                && Goes(service, input))
            .Select(service => service.ID)
            .ToList();
        return new RegistrationPlan(register, deregister, conflicts) { Wanted = wanted };
    }

    /// <summary>
    /// Whoever says an id that another container has gives way to it, and has the one that is made of his own name. He stays there for as
    /// long as he runs: each move would begin his checks anew, and there would be two at every restart of the other.
    /// </summary>
    private static List<DesiredInstance> Settled(PlanInput input, List<string> conflicts)
    {
        var claims = input.Desired.Select(claim => claim.Spare is { } spare && !IsHeld(claim, input) && IsHeld(spare, input) ? spare : claim).ToList();
        HashSet<DesiredInstance> losers;
        do
        {
            losers = claims.GroupBy(claim => claim.Registration.ID!, StringComparer.Ordinal)
                .Where(same => same.Skip(1).Any())
                .SelectMany(same => Ordered(same, input).Skip(1).Where(loser => loser.Spare is not null))
                .ToHashSet<DesiredInstance>(ReferenceEqualityComparer.Instance);
            claims = [.. claims.Select(claim => losers.Contains(claim) ? claim.Spare! : claim)];
        }
        while (losers.Count > 0);
        conflicts.AddRange(input.Desired.Zip(claims).Where(pair => !ReferenceEquals(pair.First, pair.Second)).Select(pair =>
            $"The id '{ForeignText.Shown(pair.First.Registration.ID!, 200)}' is claimed by container {pair.First.Container.Name} too; "
            + $"it is registered as '{ForeignText.Shown(pair.Second.Registration.ID!, 200)}' for as long as it runs"));
        return claims;
    }

    /// <summary>
    /// An id that is made of a container's name is that container's before any that only says it; else who is registered already keeps it,
    /// else the older container has it.
    /// </summary>
    private static IReadOnlyList<DesiredInstance> Ordered(IGrouping<string, DesiredInstance> claims, PlanInput input) =>
    [
        .. claims
            .OrderByDescending(claim => InstanceIds.IsNamedAfter(claim.Container, input.Owner.Node, claims.Key))
            .ThenByDescending(claim => Ownership.ContainerOf(input.Actual.GetValueOrDefault(claims.Key)) == claim.Container.Id)
            .ThenBy(claim => claim.Container.CreatedAt)
            .ThenBy(claim => claim.Container.Id, StringComparer.Ordinal),
    ];

    private static bool IsHeld(DesiredInstance claim, PlanInput input) =>
        input.Actual.TryGetValue(claim.Registration.ID!, out var actual) && input.Owner.Owns(actual) && Ownership.ContainerOf(actual) == claim.Container.Id;

    /// <summary>One instance for each id.</summary>
    private static List<DesiredInstance> Winners(IReadOnlyList<DesiredInstance> wanted, PlanInput input, List<string> conflicts, HashSet<string> kept)
    {
        var winners = new List<DesiredInstance>();
        foreach (var claims in wanted.GroupBy(instance => instance.Registration.ID!, StringComparer.Ordinal))
        {
            var actual = input.Actual.GetValueOrDefault(claims.Key);
            if (actual is not null && !input.Owner.Owns(actual))
            {
                var holder = input.Owner.OtherMeshOf(actual) is { } mesh
                    ? $"this node for the mesh '{ForeignText.Shown(mesh, 200)}'; it is left alone until a sidecar of that --environment ends with --on-exit deregister"
                    : "somebody else at the agent; it is left alone";
                conflicts.Add($"The id '{ForeignText.Shown(claims.Key, 200)}' of container {claims.First().Container.Name} is registered by {holder}");
                continue;
            }

            var ordered = Ordered(claims, input);
            if (IsHeldByUnknown(ordered[0], actual, input))
            {
                kept.Add(claims.Key);
                conflicts.Add(
                    $"The id '{ForeignText.Shown(claims.Key, 200)}' of container {ordered[0].Container.Name} is another container's, "
                    + "of which Docker does not tell whether it runs; it is left alone until then");
                continue;
            }

            var taken = TakenCheck(ordered[0], input);
            if (taken is null)
                winners.Add(ordered[0]);
            else
                conflicts.Add($"The check '{ForeignText.Shown(taken, 200)}' of container {ordered[0].Container.Name} is another service's at the agent; it is left alone");
            // That it cannot be written now is no reason to take out what is registered of the same container.
            if (taken is null || !IsTakeover(ordered[0], input.Actual))
                kept.Add(claims.Key);
            conflicts.AddRange(ordered.Skip(1).Select(loser =>
                $"The id '{ForeignText.Shown(claims.Key, 200)}' is claimed by container {loser.Container.Name} too; {ordered[0].Container.Name} has it"));
        }

        return winners;
    }

    // Whoever has it may run and say it, too, and then keeps it.
    private static bool IsHeldByUnknown(DesiredInstance claim, AgentService? actual, PlanInput input) =>
        actual is not null
        && Ownership.ContainerOf(actual) != claim.Container.Id
        && !InstanceIds.IsNamedAfter(claim.Container, input.Owner.Node, claim.Registration.ID!)
        && input.FateOf(Ownership.ContainerOf(actual)).State == ContainerState.Unknown;

    /// <summary>Consul would take a check from the service that has it, for one that comes with the same, and say nothing.</summary>
    private static string? TakenCheck(DesiredInstance wanted, PlanInput input) => (wanted.Registration.Checks ?? [])
        .Select(check => check.CheckID!)
        .FirstOrDefault(check => input.Checks.TryGetValue(check, out var actual) && actual.ServiceID != wanted.Registration.ID);

    /// <summary>The checks by service that a registration of ours once brought and that are wanted no more. One that somebody added by hand stays.</summary>
    private static ILookup<string, string> StaleChecks(PlanInput input)
    {
        var wanted = input.Desired.Concat(input.Desired.Select(instance => instance.Spare).OfType<DesiredInstance>())
            .SelectMany(instance => instance.Registration.Checks ?? []).Select(check => check.CheckID).ToHashSet(StringComparer.Ordinal);
        return input.Checks.Values
            .Where(check => !wanted.Contains(check.CheckID) && CheckIds.Are(check.CheckID, check.ServiceID))
            .ToLookup(check => check.ServiceID, check => check.CheckID, StringComparer.Ordinal);
    }

    private static bool Goes(AgentService service, PlanInput input)
    {
        var fate = input.FateOf(Ownership.ContainerOf(service));
        return fate.State switch
        {
            ContainerState.Unknown => false,
            // How it ended is not known, so it goes where that does not matter.
            ContainerState.Ended => input.Policy == DeregisterPolicy.Always && input.MayRemove(Ownership.ContainerOf(service)),
            // It runs, but no longer asks for this registration: it was renamed, say.
            ContainerState.Running => true,
            _ => input.MayRemove(Ownership.ContainerOf(service)) && fate.Allows(input.Policy),
        };
    }

    private static bool IsRegistered(AgentServiceRegistration wanted, PlanInput input, ILookup<string, string> stale) =>
        input.Actual.TryGetValue(wanted.ID!, out var service)
        && service.Service == wanted.Name
        && service.Address == wanted.Address
        && service.Port == wanted.Port
        && !service.EnableTagOverride
        && service.Tags.AsSpan().SequenceEqual(wanted.Tags)
        && (wanted.Weights is null || service.Weights?.Passing == wanted.Weights.Passing)
        && service.Meta.Count == wanted.Meta!.Count
        && wanted.Meta.All(pair => service.Meta.TryGetValue(pair.Key, out var value) && value == pair.Value)
        && !stale.Contains(wanted.ID!)
        // An agent that may run no scripts any more drops such a check when it starts, and whoever has no check passes.
        && (wanted.Checks ?? []).All(check => input.Checks.TryGetValue(check.CheckID!, out var actual) && actual.ServiceID == wanted.ID);

    // Consul keeps the status of checks that it has already, and what held of another container, or of another place, says nothing.
    private static bool IsTakeover(DesiredInstance wanted, IReadOnlyDictionary<string, AgentService> actual) =>
        actual.TryGetValue(wanted.Registration.ID!, out var service)
        && (Ownership.ContainerOf(service) != wanted.Container.Id || service.Port != wanted.Registration.Port || service.Address != wanted.Registration.Address);
}

/// <summary>What the planner decides by.</summary>
/// <param name="Desired">The instances of all running containers.</param>
/// <param name="Actual">What the agent has, by id.</param>
/// <param name="Checks">The agent's checks by id.</param>
/// <param name="Owner">Who this sidecar is.</param>
/// <param name="Policy">Which registrations go when their container ends.</param>
/// <param name="FateOf">What became of a container, by its id.</param>
/// <param name="MayRemove">Whether this sidecar saw the container, or has waited long enough to be sure of its end.</param>
internal sealed record PlanInput(
    IReadOnlyList<DesiredInstance> Desired,
    IReadOnlyDictionary<string, AgentService> Actual,
    IReadOnlyDictionary<string, AgentCheck> Checks,
    Ownership Owner,
    DeregisterPolicy Policy,
    Func<string, ContainerFate> FateOf,
    Func<string, bool> MayRemove);

/// <summary>A registration and the container that it is for.</summary>
internal sealed record DesiredInstance(ContainerFacts Container, AgentServiceRegistration Registration)
{
    /// <summary>Those of its checks that the sidecar itself keeps alive, and what holds for them.</summary>
    public IReadOnlyList<ReportedCheck> Reported { get; init; } = [];

    /// <summary>What it is registered as where its id is another container's; <c>null</c> if nobody else can have that.</summary>
    public DesiredInstance? Spare { get; init; }
}

/// <summary>What has to be written.</summary>
internal sealed record RegistrationPlan(
    IReadOnlyList<Registering> Register, IReadOnlyList<string> Deregister, IReadOnlyList<string> Conflicts)
{
    /// <summary>What is to be registered in the end, whether it is already or cannot be now.</summary>
    public IReadOnlyList<DesiredInstance> Wanted { get; init; } = [];

    public bool HasWrites => Register.Count > 0 || Deregister.Count > 0;
}

/// <summary>A registration to write.</summary>
/// <param name="Registration">The registration.</param>
/// <param name="StaleChecks">The checks that go after it has come.</param>
/// <param name="IsTakeover">Whether the id was another container's or another place's, whose registration goes before this one comes.</param>
internal sealed record Registering(AgentServiceRegistration Registration, IReadOnlyList<string> StaleChecks, bool IsTakeover = false);
