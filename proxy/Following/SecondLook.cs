using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// One service that lost all its instances may be the first of many that a registry lost. So a loss is told of when it was
/// seen a second time and whole, together with what became of all others: then it is seen as what it is.
/// </summary>
internal static class SecondLook
{
    /// <summary>Reads the instances of the services that are due; where one of them lost all, of all that have traffic.</summary>
    /// <param name="due">The services. Those that are read beside them are added.</param>
    /// <param name="inEffect">The snapshot in effect.</param>
    /// <param name="read">Reads the instances of services; one that could not be read is missing.</param>
    /// <returns>What is to be told. What is missing is still due.</returns>
    public static async Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>> ReadAsync(
        HashSet<string> due, Func<Snapshot> inEffect, Func<IReadOnlyCollection<string>, Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>>> read)
    {
        var first = await read(due);
        if (!first.Any(one => IsLost(inEffect(), one.Key, one.Value)))
            return first;
        due.UnionWith(inEffect().Services.Values.Where(service => service.Traffic.Length > 0).Select(service => service.Stored.Service));
        // The lost ones anew, too: the answers of one reading may be of different moments.
        var second = await read(due);
        // Whoever could not be read may be lost as well.
        return second.Count == due.Count
            ? second
            : second.Where(one => !IsLost(inEffect(), one.Key, one.Value)).ToDictionary(StringComparer.Ordinal);
    }

    private static bool IsLost(Snapshot inEffect, string service, IReadOnlyList<Instance> instances) =>
        !inEffect.Held.ContainsKey(service)
        && inEffect.Services.TryGetValue(service, out var known)
        && known.Traffic.Length > 0
        && !known.Traffic.Any(member => instances.Any(member.IsSame));
}
