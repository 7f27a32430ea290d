namespace Consul;

/// <summary>
/// Nodes and instances as the servers know them (<c>/v1/catalog</c>); every call can block. A call that fails throws
/// <see cref="ConsulRequestException"/>.
/// </summary>
public interface ICatalogEndpoint
{
    /// <summary>Reads the names of all services.</summary>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>All tags in use, by service.</returns>
    Task<QueryResult<Dictionary<string, string[]>>> Services(CancellationToken ct = default);

    /// <inheritdoc cref="Services(CancellationToken)"/>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<Dictionary<string, string[]>>> Services(QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the instances of a service.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The instances; none if the service is unknown.</returns>
    Task<QueryResult<CatalogService[]>> Service(string service, CancellationToken ct = default);

    /// <inheritdoc cref="Service(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="tag">Only instances with this tag; null or empty for all.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<CatalogService[]>> Service(string service, string? tag, CancellationToken ct = default);

    /// <inheritdoc cref="Service(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="tag">Only instances with this tag; null or empty for all.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<CatalogService[]>> Service(
        string service, string? tag, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads all nodes.</summary>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The nodes.</returns>
    Task<QueryResult<Node[]>> Nodes(CancellationToken ct = default);

    /// <inheritdoc cref="Nodes(CancellationToken)"/>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<Node[]>> Nodes(QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads a node and the instances on it.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The node; null if it is unknown.</returns>
    Task<QueryResult<CatalogNode?>> Node(string node, CancellationToken ct = default);

    /// <inheritdoc cref="Node(string, CancellationToken)"/>
    /// <param name="node">The node's name.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<CatalogNode?>> Node(string node, QueryOptions? q, CancellationToken ct = default);
}
