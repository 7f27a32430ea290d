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
        var wanted = Winners(input, conflicts);
        var register = wanted
            .Where(instance => !IsRegistered(instance.Registration, input.Actual))
            .Select(instance => new Registering(
                instance.Registration, ChecksDiffer(instance.Registration, input.Actual), IsTakeover(instance, input.Actual)))
            .ToList();
        var kept = wanted.Select(instance => instance.Registration.ID!).ToHashSet(StringComparer.Ordinal);
        var deregister = input.Actual.Values
            .Where(service => input.Owner.Owns(service) && !kept.Contains(service.ID) && Goes(service, input))
            .Select(service => service.ID)
            .ToList();
        return new RegistrationPlan(register, deregister, conflicts);
    }

    /// <summary>One instance for each id. Who is registered already keeps it, else the older container has it.</summary>
    private static List<DesiredInstance> Winners(PlanInput input, List<string> conflicts)
    {
        var winners = new List<DesiredInstance>();
        foreach (var claims in input.Desired.GroupBy(instance => instance.Registration.ID!, StringComparer.Ordinal))
        {
            var actual = input.Actual.GetValueOrDefault(claims.Key);
            if (actual is not null && !input.Owner.Owns(actual))
            {
                conflicts.Add(
                    $"The id '{ForeignText.Shown(claims.Key, 200)}' of container {claims.First().Container.Name} is registered by somebody else at the agent; "
                    + "it is left alone");
                continue;
            }

            var ordered = claims
                .OrderByDescending(claim => Ownership.ContainerOf(actual) == claim.Container.Id)
                .ThenBy(claim => claim.Container.CreatedAt)
                .ThenBy(claim => claim.Container.Id, StringComparer.Ordinal)
                .ToList();
            if (TakenCheck(ordered[0], input) is { } check)
                conflicts.Add($"The check '{ForeignText.Shown(check, 200)}' of container {ordered[0].Container.Name} is another service's at the agent; it is left alone");
            else
                winners.Add(ordered[0]);
            conflicts.AddRange(ordered.Skip(1).Select(loser =>
                $"The id '{ForeignText.Shown(claims.Key, 200)}' is claimed by container {loser.Container.Name} too; {ordered[0].Container.Name} has it"));
        }

        return winners;
    }

    /// <summary>Consul would take a check from the service that has it, for one that comes with the same, and say nothing.</summary>
    private static string? TakenCheck(DesiredInstance wanted, PlanInput input)
    {
        var id = wanted.Registration.ID!;
        var brings = !input.Actual.ContainsKey(id) || IsTakeover(wanted, input.Actual) || ChecksDiffer(wanted.Registration, input.Actual);
        return brings
            ? (wanted.Registration.Checks ?? []).Select(check => check.CheckID!)
                .FirstOrDefault(check => input.Checks.TryGetValue(check, out var actual) && actual.ServiceID != id)
            : null;
    }

    private static bool Goes(AgentService service, PlanInput input)
    {
        var fate = input.FateOf(Ownership.ContainerOf(service));
        return fate.State switch
        {
            ContainerState.Unknown => false,
            // It runs, but no longer asks for this registration: it was renamed, say.
            ContainerState.Running => true,
            _ => input.MayRemove(Ownership.ContainerOf(service)) && fate.Allows(input.Policy),
        };
    }

    private static bool IsRegistered(AgentServiceRegistration wanted, IReadOnlyDictionary<string, AgentService> actual) =>
        actual.TryGetValue(wanted.ID!, out var service)
        && service.Service == wanted.Name
        && service.Address == wanted.Address
        && service.Port == wanted.Port
        && !service.EnableTagOverride
        && service.Tags.AsSpan().SequenceEqual(wanted.Tags)
        && (wanted.Weights is null || service.Weights?.Passing == wanted.Weights.Passing)
        && service.Meta.Count == wanted.Meta!.Count
        && wanted.Meta.All(pair => service.Meta.TryGetValue(pair.Key, out var value) && value == pair.Value);

    // Consul keeps the status of checks that it has already, and another container's says nothing about this one.
    private static bool IsTakeover(DesiredInstance wanted, IReadOnlyDictionary<string, AgentService> actual) =>
        actual.TryGetValue(wanted.Registration.ID!, out var service) && Ownership.ContainerOf(service) != wanted.Container.Id;

    // Where the checks are the same, one that somebody added by hand stays.
    private static bool ChecksDiffer(AgentServiceRegistration wanted, IReadOnlyDictionary<string, AgentService> actual) =>
        actual.TryGetValue(wanted.ID!, out var service)
        && (!service.Meta.TryGetValue(InstanceMeta.Checks, out var hash) || hash != wanted.Meta![InstanceMeta.Checks]);
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
}

/// <summary>What has to be written.</summary>
internal sealed record RegistrationPlan(
    IReadOnlyList<Registering> Register, IReadOnlyList<string> Deregister, IReadOnlyList<string> Conflicts)
{
    public bool HasWrites => Register.Count > 0 || Deregister.Count > 0;
}

/// <summary>A registration to write.</summary>
/// <param name="Registration">The registration.</param>
/// <param name="ReplaceChecks">Whether checks that are not in it are removed.</param>
/// <param name="IsTakeover">Whether the id was another container's, whose registration goes before this one comes.</param>
internal sealed record Registering(AgentServiceRegistration Registration, bool ReplaceChecks, bool IsTakeover = false);
