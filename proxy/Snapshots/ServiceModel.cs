using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>One service as the proxy serves it.</summary>
/// <param name="Stored">Its document.</param>
/// <param name="Instances">What the catalog said; the reference tells whether it changed.</param>
/// <param name="Members">All instances with their stage.</param>
/// <param name="Traffic">Those that requests are sent to.</param>
/// <param name="State">What the requests change.</param>
internal sealed record ServiceModel(
    StoredDocument Stored,
    IReadOnlyList<Instance> Instances,
    IReadOnlyList<MemberModel> Members,
    MemberModel[] Traffic,
    ServiceState State)
{
    /// <summary>Those of <see cref="Traffic"/> that belong to the active release.</summary>
    public ReleasePool Active { get; } = PoolOf(Traffic, Stored.Document?.Active?.Deployment);

    /// <summary>Those of <see cref="Traffic"/> that belong to the split's release.</summary>
    public ReleasePool Split { get; } = PoolOf(Traffic, Stored.Document?.Split?.Release.Deployment);

    /// <summary>Where the split's share begins among the buckets.</summary>
    public int SplitStart { get; } = Stored.Document?.Split is { } split ? Bucket.StartOf(split.Release.Deployment) : 0;

    /// <summary>The releases in the traffic, the active one first.</summary>
    public IReadOnlyList<ReleaseModel> Releases { get; private init; } = [];

    /// <summary>Builds the model that follows <paramref name="before"/>; the same object if nothing changed.</summary>
    public static ServiceModel Follow(ServiceModel? before, StoredDocument stored, IReadOnlyList<Instance> instances)
    {
        if (before is not null && ReferenceEquals(before.Stored, stored) && ReferenceEquals(before.Instances, instances))
            return before;

        var releases = ReleaseModel.Follow(before?.Releases ?? [], stored.Document);
        var members = instances
            .OrderBy(instance => instance.Id, StringComparer.Ordinal)
            .Select(instance => new MemberModel(
                instance,
                stored.Document?.StageOf(instance.Deployment) ?? Stage.Candidate,
                before?.Members.FirstOrDefault(member => member.IsSame(instance))?.State ?? new MemberState(instance))
            {
                Release = releases.FirstOrDefault(release => release.Release.Deployment == instance.Deployment)?.Meter,
            })
            .ToArray();
        return new ServiceModel(
            stored,
            instances,
            members,
            [.. members
                .Where(member => member.Stage == Stage.Active)
                .GroupBy(member => member.Instance.Deployment, StringComparer.Ordinal)
                .SelectMany(release => InTraffic([.. release], before?.Traffic ?? []))
                .OrderBy(member => member.Instance.Id, StringComparer.Ordinal)],
            before?.State ?? new ServiceState())
        {
            Releases = releases,
        };
    }

    /// <summary>The healthy instances of any release, in the traffic or not.</summary>
    public ReleasePool PoolOf(string deployment) =>
        new([.. Members.Where(member => member.Instance.Deployment == deployment && member.Instance.IsHealthy)]);

    /// <summary>
    /// Of one release's members the healthy ones. If none is healthy, those that were in the traffic last: when every check
    /// fails at once it is more likely the checking that failed, and sending to none would be an outage for certain.
    /// </summary>
    private static MemberModel[] InTraffic(MemberModel[] release, MemberModel[] before)
    {
        MemberModel[] healthy = [.. release.Where(member => member.Instance.IsHealthy)];
        if (healthy.Length > 0)
            return healthy;
        MemberModel[] known = [.. release.Where(member => before.Any(earlier => earlier.State == member.State))];
        return known.Length > 0 ? known : release;
    }

    private static ReleasePool PoolOf(MemberModel[] traffic, string? deployment)
    {
        MemberModel[] members = [.. traffic.Where(member => member.Instance.Deployment == deployment)];
        return members.Length == 0 ? ReleasePool.Empty : new ReleasePool(members);
    }
}

/// <summary>One instance of a service with its stage.</summary>
/// <param name="Instance">What the catalog says of it.</param>
/// <param name="Stage">Its stage by the service's document.</param>
/// <param name="State">What the requests change; the same object through all snapshots.</param>
internal sealed record MemberModel(Instance Instance, Stage Stage, MemberState State)
{
    // Spelled once: it is asked for with every request.
    private readonly string url = Instance.Url;

    /// <summary>The meter of its release; <c>null</c> while that is not in the traffic.</summary>
    public Meter? Release { get; init; }

    /// <summary>The instance's address as a URL.</summary>
    public string Url => url;

    public void Answered(int status, TimeSpan after)
    {
        State.Meter.Answered(status, after);
        Release?.Answered(status, after);
    }

    public void Failed(Failure failure, TimeSpan after)
    {
        State.Meter.Failed(failure, after);
        Release?.Failed(failure, after);
    }

    public void CutOff()
    {
        State.Meter.CutOff();
        Release?.CutOff();
    }

    /// <summary>Whether it is the same running container behind the same port, whatever its health and stage.</summary>
    public bool IsSame(Instance other) =>
        Instance.Id == other.Id && Instance.Node == other.Node && Instance.Url == other.Url && Instance.Deployment == other.Deployment;
}
