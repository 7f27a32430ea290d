using System.Collections.Frozen;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// One service that lost all its instances may be the first of many that a registry lost. So a loss is told of when it was
/// seen a second time and whole, together with what became of all others: then it is seen as what it is. Where it is one
/// service alone, the others are those that the catalog lists no more, so that its loss does not have thousands read again.
/// </summary>
internal static class SecondLook
{
    /// <summary>Reads the instances of the services that are due; where one of them lost all, again, and of the others.</summary>
    /// <param name="due">The services. Those that are read beside them are added.</param>
    /// <param name="inEffect">The snapshot in effect.</param>
    /// <param name="read">Reads the instances of services; one that could not be read is missing.</param>
    /// <param name="list">Reads the names of all services that have instances; <c>null</c> where that fails.</param>
    /// <param name="share">The share of the services with traffic, 0 to 1; a loss of no more than that is obeyed at once.</param>
    /// <returns>What is to be told. What is missing is still due.</returns>
    public static async Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>> ReadAsync(
        HashSet<string> due,
        Func<Snapshot> inEffect,
        Func<IReadOnlyCollection<string>, Task<IReadOnlyDictionary<string, IReadOnlyList<Instance>>>> read,
        Func<Task<IReadOnlySet<string>?>> list,
        double share)
    {
        var first = await read(due);
        var lost = first.Count(one => IsLost(inEffect(), one.Key, one.Value));
        if (lost == 0)
            return first;
        // Where there are several, one that the catalog lists may be lost as well: another release's instances may be left of it.
        if (await (lost > 1 ? Task.FromResult<IReadOnlySet<string>?>(FrozenSet<string>.Empty) : list()) is not { } listed)
            return Sound(first, inEffect());
        due.UnionWith(inEffect().Services.Values
            .Where(service => service.Traffic.Length > 0 && !listed.Contains(service.Stored.Service))
            .Select(service => service.Stored.Service));
        // The lost ones anew, too: the answers of one reading may be of different moments.
        var second = await read(due);
        // Whoever could not be read may be lost as well. Where even that would be no loss of many, it is waited for alone.
        var most = due.Count - second.Count + second.Count(one => IsLost(inEffect(), one.Key, one.Value));
        var served = inEffect().Services.Values.Count(service => service.Traffic.Length > 0);
        return second.Count == due.Count || most <= share * served ? second : Sound(second, inEffect());
    }

    private static Dictionary<string, IReadOnlyList<Instance>> Sound(IReadOnlyDictionary<string, IReadOnlyList<Instance>> read, Snapshot inEffect) =>
        read.Where(one => !IsLost(inEffect, one.Key, one.Value)).ToDictionary(StringComparer.Ordinal);

    private static bool IsLost(Snapshot inEffect, string service, IReadOnlyList<Instance> instances) =>
        !inEffect.Held.ContainsKey(service)
        && inEffect.Services.TryGetValue(service, out var known)
        && known.Traffic.Length > 0
        && !known.Traffic.Any(member => instances.Any(member.IsSame));
}
