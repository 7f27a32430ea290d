using System.Diagnostics;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Metering;

/// <summary>All metrics, in the order in which they are told. The table in README.md is held equal to them by a test.</summary>
internal static class MetricFamilies
{
    private const string Counter = "counter";
    private const string Gauge = "gauge";
    private const string Histogram = "histogram";

    /// <summary>Of the proxy as a whole.</summary>
    public static IReadOnlyList<MetricFamily<ProxyReading>> Proxy { get; } =
    [
        OfProxy("mesh_proxy_applied_index", Gauge, "The newest of the ModifyIndexes of the documents in effect.", reading => reading.AppliedIndex),
        OfProxy("mesh_proxy_applied_age_seconds", Gauge, "How long ago a change was put in effect last.", reading => reading.Meter.AppliedAge?.TotalSeconds),
        new("mesh_proxy_apply_lag_seconds", Histogram, "From a change's arrival at the proxy until requests went by it.",
            (text, name, reading) => text.Histogram(name, "", reading.Meter.Lag)),
        OfProxy("mesh_proxy_reloads_total", Counter, "Snapshots that were put in effect.", reading => reading.Meter.Reloads),
        new("mesh_proxy_origin", Gauge, "1 for where what is in effect comes from: none, disk, consul.", (text, name, reading) =>
        {
            foreach (var origin in Enum.GetValues<SnapshotOrigin>())
                text.Sample(name, MetricsText.Labels(("origin", WordOf(origin))), origin == reading.Snapshot.Origin ? 1 : 0);
        }),
        new("mesh_proxy_consul_answer_age_seconds", Gauge, "How long ago Consul last answered what is asked for ever, by query; more than a minute says that it does not.", (text, name, reading) =>
        {
            foreach (var (subject, age) in reading.Meter.AnswerAges())
                text.Sample(name, MetricsText.Labels(("query", subject)), age.TotalSeconds);
        }),
        OfProxy("mesh_proxy_consul_failures_total", Counter, "Queries that Consul did not answer, or answered with an error.", reading => reading.Meter.ConsulFailures),
        OfProxy("mesh_proxy_services", Gauge, "Services that are known.", reading => reading.Snapshot.Services.Count),
        new("mesh_proxy_documents_set_aside", Gauge, "1 for each service whose newest document, or one of its routes, is not in effect.", (text, name, reading) =>
        {
            foreach (var (service, reason) in reading.SetAside)
                text.Sample(name, MetricsText.Labels(("service", service), ("reason", reason)), 1);
        }),
        OfProxy("mesh_proxy_loss_held", Gauge, "Services that Consul lost and that stay in effect for now.", reading => reading.Snapshot.Held.Count),
        OfProxy("mesh_proxy_unrouted_total", Counter, "Requests that no route leads.", reading => reading.Meter.Unrouted),
        OfProxy("mesh_proxy_access_log_dropped_total", Counter, "Lines that the access log is without, because it could not be written as fast.", reading => reading.Meter.DroppedLines),
        OfProxy("process_start_time_seconds", Gauge, "When the process started, in Unix time.",
            _ => new DateTimeOffset(Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds() / 1000.0),
        OfProxy("process_cpu_seconds_total", Counter, "Processor time that the process took.", _ => Environment.CpuUsage.TotalTime.TotalSeconds),
        OfProxy("process_resident_memory_bytes", Gauge, "Memory of the process.", _ => Environment.WorkingSet),
    ];

    /// <summary>Of each service.</summary>
    public static IReadOnlyList<MetricFamily<ServiceReading>> Services { get; } =
    [
        OfService("mesh_proxy_service_index", Gauge, "The ModifyIndex of the service's document.", service => service.Model.Stored.Index),
        OfService("mesh_proxy_waiting", Gauge, "Requests that wait for a place at an instance.", service => service.Model.State.Line.Count),
        OfService("mesh_proxy_held", Gauge, "Requests that are held while the service is paused.", service => service.Model.State.Meter.Held),
        OfService("mesh_proxy_retries_total", Counter, "Requests that were sent to another instance after one failed.", service => service.Model.State.Retries.Sent),
        OfService("mesh_proxy_retries_denied_total", Counter, "Retries that the budget did not allow.", service => service.Model.State.Retries.Denied),
        new("mesh_proxy_refused_total", Counter, "Requests that the proxy answered itself, by reason.", (text, name, service) =>
        {
            foreach (var refusal in Enum.GetValues<Refusal>())
                text.Sample(name, $"{service.Labels},reason=\"{WordOf(refusal)}\"", service.Model.State.Meter.Refusals(refusal));
        }),
    ];

    /// <summary>Of each instance that is in the traffic or had a request.</summary>
    public static IReadOnlyList<MetricFamily<MemberReading>> Members { get; } =
    [
        new("mesh_proxy_requests_total", Counter, "Answers of the instance, by their statuses' class.", (text, name, member) =>
        {
            for (var status = 1; status <= Meter.Classes; status++)
                text.Sample(name, $"{member.Labels},code=\"{status}xx\"", member.Meter.Answers(status));
        }),
        new("mesh_proxy_failures_total", Counter, "Requests without a whole answer of the instance, by reason.", (text, name, member) =>
        {
            foreach (var failure in Enum.GetValues<Failure>())
                text.Sample(name, $"{member.Labels},reason=\"{WordOf(failure)}\"", member.Meter.Failed(failure));
        }),
        new("mesh_proxy_request_duration_seconds", Histogram, "From sending a request to the instance until its answer's headers, or until it failed.",
            (text, name, member) => text.Histogram(name, member.Labels, member.Meter.Durations)),
        OfMember("mesh_proxy_in_traffic", Gauge, "1 while requests are sent to the instance, else 0.", member => member.Member.InTrafficSince is null ? 0 : 1),
        OfMember("mesh_proxy_ejected", Gauge, "1 while the instance is out of the traffic for its own answers, else 0.", member => member.Member.Health.EjectedUntil is null ? 0 : 1),
        OfMember("mesh_proxy_in_flight", Gauge, "Requests that the instance is answering, upgraded connections included.", member => member.Member.State.InFlight),
    ];

    /// <summary>A value's name as a label: <c>CutOff</c> is <c>cut_off</c>.</summary>
    public static string WordOf<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static MetricFamily<ProxyReading> OfProxy(string name, string type, string help, Func<ProxyReading, double?> value) =>
        new(name, type, help, (text, sample, reading) =>
        {
            if (value(reading) is { } known)
                text.Sample(sample, known);
        });

    private static MetricFamily<ServiceReading> OfService(string name, string type, string help, Func<ServiceReading, double> value) =>
        new(name, type, help, (text, sample, service) => text.Sample(sample, service.Labels, value(service)));

    private static MetricFamily<MemberReading> OfMember(string name, string type, string help, Func<MemberReading, double> value) =>
        new(name, type, help, (text, sample, member) => text.Sample(sample, member.Labels, value(member)));
}

/// <summary>The proxy at the moment of a scrape.</summary>
internal sealed record ProxyReading(Snapshot Snapshot, ProxyMeter Meter)
{
    public ulong AppliedIndex => Snapshot.Services.Values.Select(service => service.Stored.Index).DefaultIfEmpty().Max();

    /// <summary>The services of which not all is in effect, each with the reason: a word of few, whatever the document says.</summary>
    public IEnumerable<(string Service, string Reason)> SetAside => Snapshot.Services.Values
        .Where(service => service.Stored.Fault is not null || Snapshot.Routes.Faults.ContainsKey(service.Stored.Service))
        .Select(service => (service.Stored.Service, service.Stored.Fault is null ? "route_taken" : MetricFamilies.WordOf(service.Stored.FaultKind)))
        .OrderBy(one => one.Service, StringComparer.Ordinal);
}

/// <summary>A service at the moment of a scrape.</summary>
internal sealed record ServiceReading(ServiceModel Model, string Labels)
{
    public static ServiceReading Of(ServiceModel model) => new(model, MetricsText.Labels(("service", model.Stored.Service)));
}

/// <summary>An instance at the moment of a scrape.</summary>
internal sealed record MemberReading(MemberModel Member, string Labels)
{
    public Meter Meter => Member.State.Meter;

    /// <summary>The instances of a service that are in the traffic, had a request or still have one; any stranger that starts a container would have series otherwise.</summary>
    public static IEnumerable<MemberReading> Of(ServiceModel service) => service.Members
        .Where(member => member.InTrafficSince is not null || member.State.Meter.Requests > 0 || member.State.InFlight > 0)
        .Concat(service.Gone.Where(member => member.State.InFlight > 0))
        .Select(member => new MemberReading(member, MetricsText.Labels(
            ("service", service.Stored.Service),
            ("release", member.Instance.Version),
            ("deployment", member.Instance.Deployment),
            ("instance", member.Instance.Id),
            ("node", member.Instance.Node))))
        // One that left and one that came may have the same name, on different ports.
        .DistinctBy(member => member.Labels, StringComparer.Ordinal);
}
