namespace Consul;

/// <summary>
/// Checks and instances as the servers know them (<c>/v1/health</c>); every call can block. A call that fails throws
/// <see cref="ConsulRequestException"/>.
/// </summary>
public interface IHealthEndpoint
{
    /// <summary>Reads the instances of a service with their checks.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The instances; none if the service is unknown.</returns>
    Task<QueryResult<ServiceEntry[]>> Service(string service, CancellationToken ct = default);

    /// <inheritdoc cref="Service(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="tag">Only instances with this tag; null or empty for all.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<ServiceEntry[]>> Service(string service, string? tag, CancellationToken ct = default);

    /// <inheritdoc cref="Service(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="tag">Only instances with this tag; null or empty for all.</param>
    /// <param name="passingOnly">Only instances whose checks all pass.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<ServiceEntry[]>> Service(
        string service, string? tag, bool passingOnly, CancellationToken ct = default);

    /// <inheritdoc cref="Service(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="tag">Only instances with this tag; null or empty for all.</param>
    /// <param name="passingOnly">Only instances whose checks all pass.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<ServiceEntry[]>> Service(
        string service, string? tag, bool passingOnly, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the checks in a state, of every node and service.</summary>
    /// <param name="status">The state; <see cref="HealthStatus.Any"/> for every one.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The checks. An instance without a check is not among them.</returns>
    Task<QueryResult<HealthCheck[]>> State(HealthStatus status, CancellationToken ct = default);

    /// <inheritdoc cref="State(HealthStatus, CancellationToken)"/>
    /// <param name="status">The state; <see cref="HealthStatus.Any"/> for every one.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<HealthCheck[]>> State(HealthStatus status, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the checks of a node and of the instances on it.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The checks; none if the node is unknown.</returns>
    Task<QueryResult<HealthCheck[]>> Node(string node, CancellationToken ct = default);

    /// <inheritdoc cref="Node(string, CancellationToken)"/>
    /// <param name="node">The node's name.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<HealthCheck[]>> Node(string node, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the checks of a service's instances, without their nodes'.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The checks; none if the service is unknown.</returns>
    Task<QueryResult<HealthCheck[]>> Checks(string service, CancellationToken ct = default);

    /// <inheritdoc cref="Checks(string, CancellationToken)"/>
    /// <param name="service">The service's name.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<HealthCheck[]>> Checks(string service, QueryOptions? q, CancellationToken ct = default);
}
