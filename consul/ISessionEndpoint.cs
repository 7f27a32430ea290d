namespace Consul;

/// <summary>Sessions (<c>/v1/session</c>). A call that fails throws <see cref="ConsulRequestException"/>.</summary>
public interface ISessionEndpoint
{
    /// <summary>Makes a session.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Its id.</returns>
    Task<WriteResult<string>> Create(CancellationToken ct = default);

    /// <inheritdoc cref="Create(CancellationToken)"/>
    /// <param name="se">What the session is like; null for Consul's defaults.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<string>> Create(SessionEntry? se, CancellationToken ct = default);

    /// <inheritdoc cref="Create(CancellationToken)"/>
    /// <param name="se">What the session is like; null for Consul's defaults.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<string>> Create(SessionEntry? se, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Renews a session's TTL.</summary>
    /// <param name="id">The session's id.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>The session; its TTL may have been changed by the server.</returns>
    /// <exception cref="SessionExpiredException">There is no such session any more.</exception>
    Task<WriteResult<SessionEntry>> Renew(string id, CancellationToken ct = default);

    /// <inheritdoc cref="Renew(string, CancellationToken)"/>
    /// <param name="id">The session's id.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<SessionEntry>> Renew(string id, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Ends a session; what it locked cannot be locked again before its lock delay is over.</summary>
    /// <param name="id">The session's id.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>True, also if there was no such session.</returns>
    Task<WriteResult<bool>> Destroy(string id, CancellationToken ct = default);

    /// <inheritdoc cref="Destroy(string, CancellationToken)"/>
    /// <param name="id">The session's id.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> Destroy(string id, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Reads one session.</summary>
    /// <param name="id">The session's id.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The session; null if there is none.</returns>
    Task<QueryResult<SessionEntry?>> Info(string id, CancellationToken ct = default);

    /// <inheritdoc cref="Info(string, CancellationToken)"/>
    /// <param name="id">The session's id.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<SessionEntry?>> Info(string id, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads all sessions.</summary>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The sessions.</returns>
    Task<QueryResult<SessionEntry[]>> List(CancellationToken ct = default);

    /// <inheritdoc cref="List(CancellationToken)"/>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<SessionEntry[]>> List(QueryOptions? q, CancellationToken ct = default);
}
