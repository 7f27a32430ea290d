using System.Text.Json;
using System.Text.Json.Serialization;
using ServiceMesh.Measures;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Admin;

/// <summary>All that the proxy knows and does, at one moment.</summary>
internal sealed record StateReport(
    [property: JsonConverter(typeof(JsonStringEnumConverter<SnapshotOrigin>))] SnapshotOrigin Origin,
    string? NotReady,
    ulong AppliedIndex,
    double? AppliedAgeSeconds,
    long Reloads,
    double? ApplyLagP50Seconds,
    double? ApplyLagP99Seconds,
    long ConsulFailures,
    IReadOnlyDictionary<string, double> ConsulAnswerAgeSeconds,
    DateTimeOffset? LossHeldUntil,
    LastGoodReport LastGood,
    long Unrouted,
    long AccessLogDropped,
    IReadOnlyList<ServiceStateReport> Services)
{
    public static StateReport Of(ProxyReading reading, string? notReady, LastGoodReport lastGood)
    {
        var (snapshot, meter) = (reading.Snapshot, reading.Meter);
        var lag = meter.Lag.Counts;
        return new StateReport(
            snapshot.Origin,
            notReady,
            reading.AppliedIndex,
            meter.AppliedAge?.TotalSeconds,
            meter.Reloads,
            DurationScale.Quantile(lag, 0.5)?.TotalSeconds,
            DurationScale.Quantile(lag, 0.99)?.TotalSeconds,
            meter.ConsulFailures,
            meter.AnswerAges().ToDictionary(answer => answer.Subject, answer => answer.Age.TotalSeconds, StringComparer.Ordinal),
            snapshot.Held.Count == 0 ? null : snapshot.Held.Values.Max(),
            lastGood,
            meter.Unrouted,
            meter.DroppedLines,
            [.. snapshot.Services.Values
                .OrderBy(service => service.Stored.Service, StringComparer.Ordinal)
                .Select(service => ServiceStateReport.Of(service, snapshot))]);
    }
}

/// <summary>One service: what <c>/services/&lt;name&gt;</c> tells, the whole document in effect, and the counters.</summary>
internal sealed record ServiceStateReport(
    ServiceReport Service,
    JsonElement? Document,
    int Waiting,
    int Held,
    long Retries,
    long RetriesDenied,
    IReadOnlyDictionary<string, long> Refused,
    IReadOnlyList<InstanceCounters> Counters)
{
    public static ServiceStateReport Of(ServiceModel service, Snapshot snapshot)
    {
        var state = service.State;
        return new ServiceStateReport(
            ServiceReport.Of(service, snapshot),
            service.Stored.Document is { } document ? JsonElement.Parse(DocumentFormat.Write(document)) : null,
            state.Line.Count,
            state.Meter.Held,
            state.Retries.Sent,
            state.Retries.Denied,
            Enum.GetValues<Refusal>().ToDictionary(MetricFamilies.WordOf, state.Meter.Refusals, StringComparer.Ordinal),
            [.. service.Members.Concat(service.Gone.Where(member => member.State.InFlight > 0)).Select(InstanceCounters.Of)]);
    }
}

/// <summary>What became of one instance's requests.</summary>
internal sealed record InstanceCounters(
    string Instance, string Node, IReadOnlyDictionary<string, long> Answers, IReadOnlyDictionary<string, long> Failures, MeterReport Counters)
{
    public static InstanceCounters Of(MemberModel member)
    {
        var meter = member.State.Meter;
        return new InstanceCounters(
            member.Instance.Id,
            member.Instance.Node,
            Enumerable.Range(1, Meter.Classes).ToDictionary(status => $"{status}xx", meter.Answers, StringComparer.Ordinal),
            Enum.GetValues<Failure>().ToDictionary(MetricFamilies.WordOf, meter.Failed, StringComparer.Ordinal),
            MeterReport.Of(meter));
    }
}
