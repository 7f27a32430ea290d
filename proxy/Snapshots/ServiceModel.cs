using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>One service as the proxy serves it.</summary>
/// <param name="Stored">Its document.</param>
/// <param name="Instances">What the catalog said; the reference tells whether it changed.</param>
/// <param name="Members">All instances with their stage.</param>
/// <param name="Traffic">Those that requests are sent to.</param>
internal sealed record ServiceModel(
    StoredDocument Stored, IReadOnlyList<Instance> Instances, IReadOnlyList<MemberModel> Members, MemberModel[] Traffic)
{
    /// <summary>Builds the model that follows <paramref name="before"/>; the same object if nothing changed.</summary>
    public static ServiceModel Follow(ServiceModel? before, StoredDocument stored, IReadOnlyList<Instance> instances)
    {
        if (before is not null && ReferenceEquals(before.Stored, stored) && ReferenceEquals(before.Instances, instances))
            return before;

        var members = instances
            .OrderBy(instance => instance.Id, StringComparer.Ordinal)
            .Select(instance => new MemberModel(
                instance,
                stored.Document?.StageOf(instance.Deployment) ?? Stage.Candidate,
                before?.Members.FirstOrDefault(member => member.IsSame(instance))?.InFlight ?? new InFlight()))
            .ToArray();
        return new ServiceModel(stored, instances, members, InTraffic(members, before?.Traffic ?? []));
    }

    /// <summary>
    /// The healthy active members. If none is healthy, those that were in the traffic last: when every check fails at
    /// once it is more likely the checking that failed, and sending to none would be an outage for certain.
    /// </summary>
    private static MemberModel[] InTraffic(IReadOnlyList<MemberModel> members, IReadOnlyList<MemberModel> before)
    {
        MemberModel[] active = [.. members.Where(member => member.Stage == Stage.Active)];
        MemberModel[] healthy = [.. active.Where(member => member.Instance.IsHealthy)];
        if (healthy.Length > 0)
            return healthy;
        MemberModel[] known = [.. active.Where(member => before.Any(earlier => earlier.InFlight == member.InFlight))];
        return known.Length > 0 ? known : active;
    }
}

/// <summary>One instance of a service with its stage.</summary>
/// <param name="Instance">What the catalog says of it.</param>
/// <param name="Stage">Its stage by the service's document.</param>
/// <param name="InFlight">The requests that it is answering; the same counter through all snapshots.</param>
internal sealed record MemberModel(Instance Instance, Stage Stage, InFlight InFlight)
{
    /// <summary>Whether it is the same running container behind the same port, whatever its health and stage.</summary>
    public bool IsSame(Instance other) =>
        Instance.Id == other.Id && Instance.Node == other.Node && Instance.Url == other.Url && Instance.Deployment == other.Deployment;
}

/// <summary>Counts the requests that an instance is answering, upgraded connections included.</summary>
internal sealed class InFlight
{
    private int count;

    public int Count => Volatile.Read(ref count);

    public void Enter() => Interlocked.Increment(ref count);

    public void Leave() => Interlocked.Decrement(ref count);
}
