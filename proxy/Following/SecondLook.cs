using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// One service that lost all its instances may be the first of many that a registry lost. So a loss is told of when it was
/// seen a second time and whole, together with that of all others: then it is seen as what it is. Which others the catalog has
/// no more is told by its list of services, so that one service's loss does not have thousands read again.
/// </summary>
internal static class SecondLook
{
    /// <summary>Reads the instances of the services that are due; where one of them lost all, again, and of all that the catalog has no more.</summary>
    /// <param name="due">The services. Those that are read beside them are added.</param>
    /// <param name="inEffect">The snapshot in effect.</param>
    /// <param name="read">Reads the instances of services; one that could not be read is missing.</param>
    /// <param name="list">Reads the names of all services that have instances; <c>null</c> where that fails.</param>
    /// <returns>What is to be told. What is missing is still due.</returns>
    public static async Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>> ReadAsync(
        HashSet<string> due,
        Func<Snapshot> inEffect,
        Func<IReadOnlyCollection<string>, Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>>> read,
        Func<Task<IReadOnlySet<string>?>> list)
    {
        var first = await read(due);
        if (!first.Any(one => IsLost(inEffect(), one.Key, one.Value)))
            return first;
        if (await list() is not { } listed)
            return Sound(first, inEffect());
        due.UnionWith(inEffect().Services.Values
            .Where(service => service.Traffic.Length > 0 && !listed.Contains(service.Stored.Service))
            .Select(service => service.Stored.Service));
        // The lost ones anew, too: the answers of one reading may be of different moments.
        var second = await read(due);
        // Whoever could not be read may be lost as well.
        return second.Count == due.Count ? second : Sound(second, inEffect());
    }

    private static Dictionary<string, IReadOnlyList<Instance>> Sound(IReadOnlyDictionary<string, IReadOnlyList<Instance>> read, Snapshot inEffect) =>
        read.Where(one => !IsLost(inEffect, one.Key, one.Value)).ToDictionary(StringComparer.Ordinal);

    private static bool IsLost(Snapshot inEffect, string service, IReadOnlyList<Instance> instances) =>
        !inEffect.Held.ContainsKey(service)
        && inEffect.Services.TryGetValue(service, out var known)
        && known.Traffic.Length > 0
        && !known.Traffic.Any(member => instances.Any(member.IsSame));
}
