using Consul;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// All checks of the catalog at one moment, as far as they tell which services' instances must be read again. One
/// blocking query for all of them stands in for one a service, of which Consul would not allow enough.
/// </summary>
internal sealed class HealthView
{
    private readonly ILookup<string, CheckFact> byService;

    public HealthView(IEnumerable<HealthCheck> checks) => byService = checks.ToLookup(
        check => check.ServiceName ?? "",
        check => new CheckFact(check.Node, check.ServiceID ?? "", check.CheckID, check.Status.Status, string.Join(',', check.ServiceTags ?? [])),
        StringComparer.Ordinal);

    /// <summary>The services that have checks other than in <paramref name="before"/>.</summary>
    public IEnumerable<string> ChangedSince(HealthView before)
    {
        var nodes = ChangedNodes(before);
        var here = byService
            .Where(group => !Same(group, before.byService[group.Key]) || (nodes.Count > 0 && group.Any(check => nodes.Contains(check.Node))))
            .Select(group => group.Key);
        var gone = before.byService.Select(group => group.Key).Where(service => !byService.Contains(service));
        return here.Concat(gone).Where(service => service.Length > 0);
    }

    // A check without a service is its node's own: it counts for all that runs there.
    private HashSet<string> ChangedNodes(HealthView before)
    {
        if (byService[""].SequenceEqual(before.byService[""]))
            return [];
        var (now, then) = (byService[""].ToHashSet(), before.byService[""].ToHashSet());
        now.SymmetricExceptWith(then);
        return [.. now.Select(check => check.Node)];
    }

    // Consul keeps its order, so sets are needed only where something changed.
    private static bool Same(IEnumerable<CheckFact> one, IEnumerable<CheckFact> other) =>
        one.SequenceEqual(other) || one.ToHashSet().SetEquals(other);

    private sealed record CheckFact(string Node, string ServiceId, string CheckId, string Status, string Tags);
}
