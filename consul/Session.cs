using System.Net;

namespace Consul;

internal sealed class Session(ConsulTransport transport) : ISessionEndpoint
{
    public Task<WriteResult<string>> Create(CancellationToken ct = default) => Create(se: null, q: null, ct);

    public Task<WriteResult<string>> Create(SessionEntry? se, CancellationToken ct = default) =>
        Create(se, q: null, ct);

    public async Task<WriteResult<string>> Create(SessionEntry? se, WriteOptions? q, CancellationToken ct = default)
    {
        var call = ConsulCall.Put("/v1/session/create")
            .Json(SessionRequest.From(se), ConsulJson.Default.SessionRequest);
        var created = await transport.Write(call, q, ConsulJson.Default.SessionCreated, ct);
        return new WriteResult<string>(created, created.Response?.ID ?? "");
    }

    public Task<WriteResult<SessionEntry>> Renew(string id, CancellationToken ct = default) => Renew(id, q: null, ct);

    public async Task<WriteResult<SessionEntry>> Renew(string id, WriteOptions? q, CancellationToken ct = default)
    {
        try
        {
            var call = ConsulCall.Put($"/v1/session/renew/{ConsulPath.Segment(id)}");
            var renewed = await transport.Write(call, q, ConsulJson.Default.SessionEntryArray, ct);
            return renewed.Response is [var session, ..]
                ? new WriteResult<SessionEntry>(renewed, session)
                : throw new SessionExpiredException($"session {id} does not exist any more");
        }
        catch (ConsulRequestException e) when (e.StatusCode is HttpStatusCode.NotFound)
        {
            throw new SessionExpiredException($"session {id} does not exist any more", e);
        }
    }

    public Task<WriteResult<bool>> Destroy(string id, CancellationToken ct = default) => Destroy(id, q: null, ct);

    public Task<WriteResult<bool>> Destroy(string id, WriteOptions? q, CancellationToken ct = default) =>
        transport.Write(
            ConsulCall.Put($"/v1/session/destroy/{ConsulPath.Segment(id)}"), q, ConsulJson.Default.Boolean, ct);

    public Task<QueryResult<SessionEntry?>> Info(string id, CancellationToken ct = default) => Info(id, q: null, ct);

    public async Task<QueryResult<SessionEntry?>> Info(string id, QueryOptions? q, CancellationToken ct = default)
    {
        var found = await Read($"/v1/session/info/{ConsulPath.Segment(id)}", q, ct);
        return new QueryResult<SessionEntry?>(found, found.Response is [var session, ..] ? session : null);
    }

    public Task<QueryResult<SessionEntry[]>> List(CancellationToken ct = default) => List(q: null, ct);

    public Task<QueryResult<SessionEntry[]>> List(QueryOptions? q, CancellationToken ct = default) =>
        Read("/v1/session/list", q, ct);

    private Task<QueryResult<SessionEntry[]>> Read(string path, QueryOptions? options, CancellationToken ct) =>
        transport.Query(ConsulCall.Get(path), options, ConsulJson.Default.SessionEntryArray, [], ct);
}
