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

    /// <summary>The document that Consul told of: another than <see cref="Stored"/> while the release that it made active is waited for.</summary>
    public StoredDocument Told { get; private init; } = Stored;

    /// <summary>Until when that is waited for, see <see cref="Promotion"/>; <c>null</c> if it is not.</summary>
    public DateTimeOffset? WaitsUntil { get; private init; }

    /// <summary>When the document came that it is waited for, by the clock of <see cref="TimeProvider.GetTimestamp"/>; <c>null</c> if it is not.</summary>
    public long? WaitsSince { get; private init; }

    /// <summary>The releases in the traffic, the active one first.</summary>
    public IReadOnlyList<ReleaseModel> Releases { get; private init; } = [];

    /// <summary>Builds the model that follows <paramref name="before"/>; the same object if nothing changed.</summary>
    /// <param name="before">The model until now; <c>null</c> for a new service.</param>
    /// <param name="told">The document.</param>
    /// <param name="instances">What the catalog says.</param>
    /// <param name="moment">The time, and what was found out about the service's instances.</param>
    public static ServiceModel Follow(ServiceModel? before, StoredDocument told, IReadOnlyList<Instance> instances, Moment moment)
    {
        var isSame = before is not null && ReferenceEquals(before.Told, told) && ReferenceEquals(before.Instances, instances);
        if (isSame && !moment.Touches(told.Service))
            return before!;

        var waitsUntil = Promotion.WaitsUntil(before, told, instances, moment);
        var stored = waitsUntil is null ? told : Promotion.Meanwhile(before!.Stored, told);
        var next = new MemberRule(before, stored, moment);
        var (members, gone) = (next.MembersOf(instances), next.GoneWithout(instances));
        return isSame && ReferenceEquals(before!.Stored, stored) && members.SequenceEqual(before.Members) && gone.SequenceEqual(before.Gone)
            ? before
            : new ServiceModel(stored, instances, members, gone, before?.State ?? new ServiceState())
            {
                Told = told,
                WaitsUntil = waitsUntil,
                WaitsSince = waitsUntil is null ? null : Promotion.WaitsSince(before!, told, moment),
                Releases = next.Releases,
            };
    }

    /// <summary>
    /// What is left of the service when its document is gone: no route leads to it, and the requests that its instances have go
    /// on until their drain ends; <c>null</c> where they have none any more.
    /// </summary>
    public ServiceModel? Removed(Moment moment)
    {
        var bare = Stored.Document is { } document and not { Active: null, Split: null, Routes.Count: 0 }
            ? Stored with { Document = ServiceDocument.Create(Stored.Service, []) with { Traffic = document.Traffic } }
            : Stored;
        var left = Follow(this, bare, [], moment);
        return left.Gone.Count > 0 ? left : null;
    }

    /// <summary>The healthy instances of any release, in the traffic or not.</summary>
    public ReleasePool PoolOf(string deployment) =>
        new([.. Members.Where(member => member.Instance.Deployment == deployment && member.Instance.IsHealthy && member.Fault is null)]);

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
        return changes
            .Append(Gone.Count > 0 ? now + MemberRule.GoneLook : null)
            .Append(WaitsUntil < DateTimeOffset.MaxValue ? WaitsUntil : null)
            .Min();
    }

    private static ReleasePool PoolOf(IEnumerable<MemberModel> members, string? deployment)
    {
        MemberModel[] traffic = [.. members.Where(member => member.InTrafficSince is not null && member.Instance.Deployment == deployment)];
        return traffic.Length == 0 ? ReleasePool.Empty : new ReleasePool(traffic);
    }
}

/// <summary>The time of a new snapshot, and what led to it beside Consul.</summary>
/// <param name="Now">The time.</param>
/// <param name="Touched">The services that must be looked at again, each with what was found out about its instances.</param>
/// <param name="Came">When the oldest of what Consul told for it came, by the clock of <see cref="TimeProvider.GetTimestamp"/>; <c>null</c> for nothing.</param>
internal readonly record struct Moment(DateTimeOffset Now, IReadOnlyDictionary<string, List<HealthFinding>>? Touched = null, long? Came = null)
{
    public bool Touches(string service) => Touched?.ContainsKey(service) == true;

    public IReadOnlyList<HealthFinding> FindingsOf(string service) =>
        Touched is not null && Touched.TryGetValue(service, out var findings) ? findings : [];
}
