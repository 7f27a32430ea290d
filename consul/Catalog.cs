namespace Consul;

internal sealed class Catalog(ConsulTransport transport) : ICatalogEndpoint
{
    public Task<QueryResult<Dictionary<string, string[]>>> Services(CancellationToken ct = default) =>
        Services(q: null, ct);

    public Task<QueryResult<Dictionary<string, string[]>>> Services(QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(
            ConsulCall.Get("/v1/catalog/services"), q, ConsulJson.Default.DictionaryStringStringArray, [], ct);

    public Task<QueryResult<CatalogService[]>> Service(string service, CancellationToken ct = default) =>
        Service(service, tag: null, q: null, ct);

    public Task<QueryResult<CatalogService[]>> Service(string service, string? tag, CancellationToken ct = default) =>
        Service(service, tag, q: null, ct);

    public Task<QueryResult<CatalogService[]>> Service(
        string service, string? tag, QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(
            ConsulCall.Get($"/v1/catalog/service/{ConsulPath.Segment(service)}").With("tag", tag),
            q,
            ConsulJson.Default.CatalogServiceArray,
            [],
            ct);

    public Task<QueryResult<Node[]>> Nodes(CancellationToken ct = default) => Nodes(q: null, ct);

    public Task<QueryResult<Node[]>> Nodes(QueryOptions? q, CancellationToken ct = default) =>
        transport.Query(ConsulCall.Get("/v1/catalog/nodes"), q, ConsulJson.Default.NodeArray, [], ct);

    public Task<QueryResult<CatalogNode?>> Node(string node, CancellationToken ct = default) => Node(node, q: null, ct);

    public Task<QueryResult<CatalogNode?>> Node(string node, QueryOptions? q, CancellationToken ct = default) =>
        transport.Find(
            ConsulCall.Get($"/v1/catalog/node/{ConsulPath.Segment(node)}"), q, ConsulJson.Default.CatalogNode, ct);
}
