using System.Text.Json.Serialization;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Answers;

/// <summary>The answer to <c>GET /services</c>.</summary>
internal sealed record ServicesReport(
    [property: JsonConverter(typeof(JsonStringEnumConverter<SnapshotOrigin>))] SnapshotOrigin Origin,
    DateTimeOffset? LossHeldUntil,
    LastGoodReport LastGood,
    IReadOnlyList<ServiceReport> Services);

/// <summary>The state that is kept on disk for a start without Consul: when it was written last, and why it is of no use, if so.</summary>
internal sealed record LastGoodReport(DateTimeOffset? WrittenAt, string? Fault)
{
    public static LastGoodReport Of(LastGoodFile file) => new(file.WrittenAt, file.Fault);
}

/// <summary>The answer to <c>GET /services/&lt;name&gt;</c>.</summary>
internal sealed record ServiceReport(
    ServiceUrl Url,
    string Service,
    ulong Index,
    string? Version,
    string? Deployment,
    IReadOnlyList<Route> Routes,
    IReadOnlyList<InstanceReport> Instances,
    IReadOnlyList<ReleaseReport> Releases,
    string? Fault,
    DateTimeOffset? LossHeldUntil)
{
    public static ServiceReport Of(ServiceModel service, Snapshot snapshot)
    {
        var (stored, document) = (service.Stored, service.Stored.Document);
        return new ServiceReport(
            new ServiceUrl(service.Traffic.FirstOrDefault()?.Instance.Url, stored.Service),
            stored.Service,
            stored.Index,
            document?.Active?.Version,
            document?.Active?.Deployment,
            document?.Routes ?? [],
            [
                .. service.Members.Select(member => InstanceReport.Of(member, isGone: false)),
                .. service.Gone.Where(member => member.State.InFlight > 0).Select(member => InstanceReport.Of(member, isGone: true)),
            ],
            [.. service.Releases.Select(release => ReleaseReport.Of(release, document?.Split))],
            stored.Fault ?? snapshot.Routes.Faults.GetValueOrDefault(stored.Service),
            snapshot.Held.TryGetValue(stored.Service, out var until) ? until : null);
    }

    /// <summary>The report together with that of the proxy that this one took over from, while that one has requests: to whoever asks they are one.</summary>
    public ServiceReport With(LeavingReport? leaving) => leaving is null
        ? this
        : this with
        {
            Index = Math.Min(Index, leaving.Index),
            Instances = InstanceReport.Both(Instances, leaving.Instances),
        };
}

/// <summary>The address that the service's traffic goes to at the moment, if any.</summary>
internal sealed record ServiceUrl(string? Url, string Name);

/// <summary>One instance of a service.</summary>
/// <param name="Id">Its id in Consul.</param>
/// <param name="Url">Its address.</param>
/// <param name="Deployment">The deployment id.</param>
/// <param name="Version">The version name.</param>
/// <param name="Stage">Its stage.</param>
/// <param name="Health">Consul's word.</param>
/// <param name="InTraffic">Whether requests are sent to it.</param>
/// <param name="InFlight">The requests that it is answering.</param>
/// <param name="Weight">Its share of its release's traffic beside the others' shares; <c>null</c> if it has none.</param>
/// <param name="Probe">The word of this proxy's probes: <c>pending</c>, <c>good</c> or <c>failed</c>.</param>
/// <param name="Gone">Whether it left the catalog; it is told of only for as long as it has requests.</param>
/// <param name="DrainsUntil">When the requests that it still has are aborted, because it left the traffic.</param>
/// <param name="EjectedUntil">Until when it is out of the traffic for its own answers.</param>
/// <param name="Fault">Why it is set aside and never asked: its address is none; <c>null</c> if it is not.</param>
internal sealed record InstanceReport(
    string Id,
    string Url,
    string Deployment,
    string Version,
    string Stage,
    string Health,
    bool InTraffic,
    int InFlight,
    double? Weight,
    string Probe,
    bool Gone,
    DateTimeOffset? DrainsUntil,
    DateTimeOffset? EjectedUntil,
    string? Fault)
{
    private bool IsSame(InstanceReport other) => (Id, Url) == (other.Id, other.Url);

    /// <summary>The instances of a proxy with what the one that it took over from has in flight, at others than these as well.</summary>
    public static IReadOnlyList<InstanceReport> Both(IReadOnlyList<InstanceReport> own, IReadOnlyList<InstanceReport> earlier) =>
    [
        .. own.Select(one => one with { InFlight = one.InFlight + earlier.Where(one.IsSame).Sum(other => other.InFlight) }),
        .. earlier.Where(other => other.InFlight > 0 && !own.Any(other.IsSame)),
    ];

    public static InstanceReport Of(MemberModel member, bool isGone) => new(
        member.Instance.Id,
        member.Instance.Url,
        member.Instance.Deployment,
        member.Instance.Version,
        StageTag.Of(member.Stage),
        member.Instance.Health,
        member.InTrafficSince is not null,
        member.State.InFlight,
        member.InTrafficSince is null ? null : SlowStart.ShareOf(member.Weight),
        member.Health.Admission switch { Admission.Admitted => "good", Admission.Failed => "failed", _ => "pending" },
        isGone,
        member.DrainsUntil,
        member.Health.EjectedUntil,
        member.Fault);
}
