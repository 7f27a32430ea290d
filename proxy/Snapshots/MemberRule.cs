using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>What becomes of a service's instances from one snapshot to the next: health, traffic, drain, weight. Pure.</summary>
/// <param name="before">The model until now; <c>null</c> for a new service.</param>
/// <param name="stored">The document from now on.</param>
/// <param name="moment">The time, and what was found out.</param>
internal sealed class MemberRule(ServiceModel? before, StoredDocument stored, Moment moment)
{
    /// <summary>How often it is looked whether an instance that left the catalog has requests still.</summary>
    public static readonly TimeSpan GoneLook = TimeSpan.FromMilliseconds(250);

    private readonly TrafficPolicy policy = stored.Document?.Traffic ?? TrafficPolicy.Default;

    /// <summary>The releases in the traffic.</summary>
    public IReadOnlyList<ReleaseModel> Releases { get; } = ReleaseModel.Follow(before?.Releases ?? [], stored.Document);

    /// <summary>All instances of the catalog, ordered by id.</summary>
    public MemberModel[] MembersOf(IReadOnlyList<Instance> instances)
    {
        var members = instances.OrderBy(instance => instance.Id, StringComparer.Ordinal).Select(Known).ToArray();
        var releases = members
            .Where(member => member.Stage == Stage.Active && member.Fault is null)
            .GroupBy(member => member.Instance.Deployment, StringComparer.Ordinal)
            .ToArray();
        MemberModel[] active = [.. releases.Where(release => release.Key == stored.Document?.Active?.Deployment).SelectMany(release => release)];
        var inTraffic = releases
            .Where(release => HasShare(release, active))
            .SelectMany(release => InTraffic([.. release]))
            .ToHashSet(ReferenceEqualityComparer.Instance);
        return [.. members.Select(member => inTraffic.Contains(member) ? Entered(member) : Left(member, isLeaving: member.Stage != Stage.Active || !member.Instance.IsHealthy))];
    }

    /// <summary>
    /// The instances that left the catalog. Each is kept for one look at least: a request may have entered by the earlier
    /// snapshot when its counter was read.
    /// </summary>
    public MemberModel[] GoneWithout(IReadOnlyList<Instance> instances) => before is null
        ? []
        :
        [
            .. before.Members
                .Where(member => !instances.Any(member.IsSame))
                .Select(member => Left(member with { HadTraffic = member.DrainsUntil is null }, isLeaving: true) with { Stage = StageOf(member.Instance) }),
            .. before.Gone
                .Where(member => member.State.InFlight > 0 && !instances.Any(member.IsSame))
                .Select(member => Left(member, isLeaving: true) with { Stage = StageOf(member.Instance) }),
        ];

    private MemberModel Known(Instance instance)
    {
        var known = before?.Members.FirstOrDefault(member => member.IsSame(instance)) ?? before?.Gone.FirstOrDefault(member => member.IsSame(instance));
        var member = known is null
            ? new MemberModel(instance, StageOf(instance), new MemberState(instance))
            : known with { Instance = instance, Stage = StageOf(instance) };
        var health = moment.FindingsOf(stored.Service)
            .Where(finding => finding.Member == member.State)
            .Aggregate(member.Health, (health, finding) => health.After(finding.Kind, policy.Passive, moment.Now));
        return member with
        {
            Health = health.At(moment.Now, inTraffic: member.InTrafficSince is not null),
            Release = Releases.FirstOrDefault(release => release.Release.Deployment == instance.Deployment)?.Meter,
        };
    }

    private Stage StageOf(Instance instance) => stored.Document?.StageOf(instance.Deployment, instance.Id) ?? Stage.Candidate;

    // A split's release takes its share when it answers, and leaves it when it is sick. The active one has an answer for all, if it is
    // better; where both are sick alike, it is more likely the checking that failed.
    private static bool HasShare(IEnumerable<MemberModel> release, MemberModel[] active) => active.Any(IsWell)
        ? release.Any(IsWell)
        : !active.Any(Answers) || release.Any(member => Answers(member) || (member.InTrafficSince is not null && member.Health.Admission is not Admission.Pending));

    private static bool IsWell(MemberModel member) => member.Instance.IsHealthy && Answers(member);

    private static bool Answers(MemberModel member) => member.Health.Admission is Admission.Admitted;

    private static IEnumerable<MemberModel> InTraffic(MemberModel[] release)
    {
        var inTraffic = TrafficRule.InTraffic([.. release.Select(member => new Standing(
            member.Instance.IsHealthy, member.Health.Admission, member.Health.EjectedUntil is not null, member.InTrafficSince is not null))]);
        return release.Where((_, n) => inTraffic[n]);
    }

    private MemberModel Entered(MemberModel member)
    {
        var since = member.InTrafficSince ?? moment.Now;
        return member with
        {
            InTrafficSince = since,
            HadTraffic = true,
            DrainsUntil = null,
            Weight = SlowStart.WeightOf(member.Instance.Weight, since, policy.SlowStart, moment.Now),
        };
    }

    // Whoever is out by this proxy's own findings alone may be back at once: its old requests go on.
    private MemberModel Left(MemberModel member, bool isLeaving)
    {
        var hadTraffic = member.HadTraffic || member.InTrafficSince is not null;
        if (!isLeaving)
            return member with { InTrafficSince = null, DrainsUntil = null, HadTraffic = hadTraffic || member.DrainsUntil is not null };
        // Set even where it is over at once: by that its requests are ended at the next look.
        var until = hadTraffic ? moment.Now + (policy.Drain ?? TrafficPolicy.DefaultDrain)
            : member.DrainsUntil > moment.Now ? member.DrainsUntil
            : null;
        return member with { InTrafficSince = null, DrainsUntil = until, HadTraffic = false };
    }
}
