using System.Text.Json.Serialization;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Answers;

/// <summary>The answer to <c>GET /services</c>.</summary>
internal sealed record ServicesReport(
    [property: JsonConverter(typeof(JsonStringEnumConverter<SnapshotOrigin>))] SnapshotOrigin Origin,
    DateTimeOffset? LossHeldUntil,
    IReadOnlyList<ServiceReport> Services);

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
            [.. service.Members.Select(member => InstanceReport.Of(member, service.Traffic.Contains(member)))],
            [.. service.Releases.Select(release => ReleaseReport.Of(release, document?.Split))],
            stored.Fault ?? snapshot.Routes.Faults.GetValueOrDefault(stored.Service),
            snapshot.Held.TryGetValue(stored.Service, out var until) ? until : null);
    }
}

/// <summary>The address that the service's traffic goes to at the moment, if any.</summary>
internal sealed record ServiceUrl(string? Url, string Name);

/// <summary>One instance of a service.</summary>
internal sealed record InstanceReport(
    string Id, string Url, string Deployment, string Version, string Stage, string Health, bool InTraffic, int InFlight)
{
    public static InstanceReport Of(MemberModel member, bool inTraffic) => new(
        member.Instance.Id,
        member.Instance.Url,
        member.Instance.Deployment,
        member.Instance.Version,
        StageTag.Of(member.Stage),
        member.Instance.Health,
        inTraffic,
        member.State.InFlight);
}
