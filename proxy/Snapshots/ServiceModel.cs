using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>One service as the proxy serves it.</summary>
/// <param name="Stored">Its document.</param>
/// <param name="Instances">What the catalog said; the reference tells whether it changed.</param>
/// <param name="Members">All instances with their stage.</param>
/// <param name="Gone">Instances that left the catalog and may still have requests.</param>
/// <param name="State">What the requests change.</param>
internal sealed record ServiceModel(
    StoredDocument Stored,
    IReadOnlyList<Instance> Instances,
    IReadOnlyList<MemberModel> Members,
    IReadOnlyList<MemberModel> Gone,
    ServiceState State)
{
    /// <summary>Those that requests are sent to.</summary>
    public MemberModel[] Traffic { get; } = [.. Members.Where(member => member.InTrafficSince is not null)];

    /// <summary>Those of <see cref="Traffic"/> that belong to the active release.</summary>
    public ReleasePool Active { get; } = PoolOf(Members, Stored.Document?.Active?.Deployment);

    /// <summary>Those of <see cref="Traffic"/> that belong to the split's release.</summary>
    public ReleasePool Split { get; } = PoolOf(Members, Stored.Document?.Split?.Release.Deployment);

    /// <summary>Where the split's share begins among the buckets.</summary>
    public int SplitStart { get; } = Stored.Document?.Split is { } split ? Bucket.StartOf(split.Release.Deployment) : 0;

    /// <summary>The releases in the traffic, the active one first.</summary>
    public IReadOnlyList<ReleaseModel> Releases { get; private init; } = [];

    /// <summary>Builds the model that follows <paramref name="before"/>; the same object if nothing changed.</summary>
    /// <param name="before">The model until now; <c>null</c> for a new service.</param>
    /// <param name="stored">The document.</param>
    /// <param name="instances">What the catalog says.</param>
    /// <param name="moment">The time, and what was found out about the service's instances.</param>
    public static ServiceModel Follow(ServiceModel? before, StoredDocument stored, IReadOnlyList<Instance> instances, Moment moment)
    {
        stored = Applicable(before, stored, instances);
        var isSame = before is not null && ReferenceEquals(before.Stored, stored) && ReferenceEquals(before.Instances, instances);
        if (isSame && !moment.Touches(stored.Service))
            return before!;

        var next = new MemberRule(before, stored, moment);
        var (members, gone) = (next.MembersOf(instances), next.GoneWithout(instances));
        return isSame && members.SequenceEqual(before!.Members) && gone.SequenceEqual(before.Gone)
            ? before
            : new ServiceModel(stored, instances, members, gone, before?.State ?? new ServiceState()) { Releases = next.Releases };
    }

    /// <summary>The healthy instances of any release, in the traffic or not.</summary>
    public ReleasePool PoolOf(string deployment) =>
        new([.. Members.Where(member => member.Instance.Deployment == deployment && member.Instance.IsHealthy)]);

    /// <summary>When the model is another one though nothing is told of it; <c>null</c> if never.</summary>
    public DateTimeOffset? ChangesAt(DateTimeOffset now)
    {
        var slowStart = Stored.Document?.Traffic.SlowStart;
        var changes = Members.Concat(Gone).SelectMany(member => new[]
        {
            member.Health.EjectedUntil,
            member.DrainsUntil,
            member.InTrafficSince is { } since ? SlowStart.NextStep(since, slowStart, now) : null,
        });
        return changes.Append(Gone.Count > 0 ? now + MemberRule.GoneLook : null).Min();
    }

    // Documents and instances come from Consul apart. A release that was made active, and of which no instance is known here
    // yet, takes over when one is; until then what serves goes on, and this proxy tells the earlier index as the applied one.
    private static StoredDocument Applicable(ServiceModel? before, StoredDocument stored, IReadOnlyList<Instance> instances) =>
        before is not null
        && stored.Document?.Active is { } next
        && next.Deployment != before.Stored.Document?.Active?.Deployment
        && instances.All(instance => instance.Deployment != next.Deployment)
        && before.Traffic.Any(member => instances.Any(member.IsSame))
            ? before.Stored
            : stored;

    private static ReleasePool PoolOf(IEnumerable<MemberModel> members, string? deployment)
    {
        MemberModel[] traffic = [.. members.Where(member => member.InTrafficSince is not null && member.Instance.Deployment == deployment)];
        return traffic.Length == 0 ? ReleasePool.Empty : new ReleasePool(traffic);
    }
}

/// <summary>The time of a new snapshot, and what led to it beside Consul.</summary>
/// <param name="Now">The time.</param>
/// <param name="Touched">The services that must be looked at again, each with what was found out about its instances.</param>
internal readonly record struct Moment(DateTimeOffset Now, IReadOnlyDictionary<string, List<HealthFinding>>? Touched = null)
{
    public bool Touches(string service) => Touched?.ContainsKey(service) == true;

    public IReadOnlyList<HealthFinding> FindingsOf(string service) =>
        Touched is not null && Touched.TryGetValue(service, out var findings) ? findings : [];
}
