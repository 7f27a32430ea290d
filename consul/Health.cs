namespace Consul;

internal sealed class Health(ConsulTransport transport) : IHealthEndpoint
{
    public Task<QueryResult<ServiceEntry[]>> Service(string service, CancellationToken ct = default) =>
        Service(service, tag: null, passingOnly: false, q: null, ct);

    public Task<QueryResult<ServiceEntry[]>> Service(string service, string? tag, CancellationToken ct = default) =>
        Service(service, tag, passingOnly: false, q: null, ct);

    public Task<QueryResult<ServiceEntry[]>> Service(
        string service, string? tag, bool passingOnly, CancellationToken ct = default) =>
        Service(service, tag, passingOnly, q: null, ct);

    public Task<QueryResult<ServiceEntry[]>> Service(
        string service, string? tag, bool passingOnly, QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(
            ConsulCall.Get($"/v1/health/service/{ConsulPath.Segment(service)}")
                .With("tag", tag)
                .With("passing", passingOnly ? "1" : null),
            q,
            ConsulJson.Default.ServiceEntryArray,
            [],
            ct);

    public Task<QueryResult<HealthCheck[]>> State(HealthStatus status, CancellationToken ct = default) =>
        State(status, q: null, ct);

    public Task<QueryResult<HealthCheck[]>> State(
        HealthStatus status, QueryOptions? q, CancellationToken ct = default) =>
        Read($"/v1/health/state/{ConsulPath.Segment(status.Status)}", q, ct);

    public Task<QueryResult<HealthCheck[]>> Node(string node, CancellationToken ct = default) =>
        Node(node, q: null, ct);

    public Task<QueryResult<HealthCheck[]>> Node(string node, QueryOptions? q, CancellationToken ct = default) =>
        Read($"/v1/health/node/{ConsulPath.Segment(node)}", q, ct);

    public Task<QueryResult<HealthCheck[]>> Checks(string service, CancellationToken ct = default) =>
        Checks(service, q: null, ct);

    public Task<QueryResult<HealthCheck[]>> Checks(string service, QueryOptions? q, CancellationToken ct = default) =>
        Read($"/v1/health/checks/{ConsulPath.Segment(service)}", q, ct);

    private Task<QueryResult<HealthCheck[]>> Read(string path, QueryOptions? options, CancellationToken ct) =>
        transport.Query(ConsulCall.Get(path), options, ConsulJson.Default.HealthCheckArray, [], ct);
}
