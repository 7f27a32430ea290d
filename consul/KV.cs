using System.Net;

namespace Consul;

internal sealed class KV(ConsulTransport transport) : IKVEndpoint
{
    public Task<QueryResult<KVPair?>> Get(string key, CancellationToken ct = default) => Get(key, q: null, ct);

    public async Task<QueryResult<KVPair?>> Get(string key, QueryOptions? q, CancellationToken ct = default)
    {
        var found = await transport.Find(ConsulCall.Get(PathOf(key)), q, ConsulJson.Default.KVPairArray, ct);
        return new QueryResult<KVPair?>(found, found.Response is [var pair, ..] ? pair : null);
    }

    public Task<QueryResult<KVPair[]?>> List(string prefix, CancellationToken ct = default) =>
        List(prefix, q: null, ct);

    public Task<QueryResult<KVPair[]?>> List(string prefix, QueryOptions? q, CancellationToken ct = default) =>
        transport.Find(ConsulCall.Get(PathOf(prefix)).With("recurse"), q, ConsulJson.Default.KVPairArray, ct);

    public Task<QueryResult<string[]?>> Keys(string prefix, CancellationToken ct = default) =>
        Keys(prefix, separator: null, q: null, ct);

    public Task<QueryResult<string[]?>> Keys(string prefix, string? separator, CancellationToken ct = default) =>
        Keys(prefix, separator, q: null, ct);

    public Task<QueryResult<string[]?>> Keys(
        string prefix, string? separator, QueryOptions? q, CancellationToken ct = default) =>
        transport.Find(
            ConsulCall.Get(PathOf(prefix)).With("keys").With("separator", separator),
            q,
            ConsulJson.Default.StringArray,
            ct);

    public Task<WriteResult<bool>> Put(KVPair p, CancellationToken ct = default) => Put(p, q: null, ct);

    public Task<WriteResult<bool>> Put(KVPair p, WriteOptions? q, CancellationToken ct = default) =>
        Write(Writing(p), q, ct);

    public Task<WriteResult<bool>> CAS(KVPair p, CancellationToken ct = default) => CAS(p, q: null, ct);

    public Task<WriteResult<bool>> CAS(KVPair p, WriteOptions? q, CancellationToken ct = default) =>
        Write(Writing(p).With("cas", p.ModifyIndex.ToString()), q, ct);

    public Task<WriteResult<bool>> Acquire(KVPair p, CancellationToken ct = default) => Acquire(p, q: null, ct);

    public Task<WriteResult<bool>> Acquire(KVPair p, WriteOptions? q, CancellationToken ct = default) =>
        Write(Writing(p).With("acquire", SessionOf(p)), q, ct);

    public Task<WriteResult<bool>> Release(KVPair p, CancellationToken ct = default) => Release(p, q: null, ct);

    public Task<WriteResult<bool>> Release(KVPair p, WriteOptions? q, CancellationToken ct = default) =>
        Write(Writing(p).With("release", SessionOf(p)), q, ct);

    public Task<WriteResult<bool>> Delete(string key, CancellationToken ct = default) => Delete(key, q: null, ct);

    public Task<WriteResult<bool>> Delete(string key, WriteOptions? q, CancellationToken ct = default) =>
        Write(ConsulCall.Delete(PathOf(Writable(key))), q, ct);

    public Task<WriteResult<bool>> DeleteCAS(KVPair p, CancellationToken ct = default) => DeleteCAS(p, q: null, ct);

    public Task<WriteResult<bool>> DeleteCAS(KVPair p, WriteOptions? q, CancellationToken ct = default) =>
        Write(ConsulCall.Delete(PathOf(Writable(p.Key))).With("cas", p.ModifyIndex.ToString()), q, ct);

    public Task<WriteResult<bool>> DeleteTree(string prefix, CancellationToken ct = default) =>
        DeleteTree(prefix, q: null, ct);

    public Task<WriteResult<bool>> DeleteTree(string prefix, WriteOptions? q, CancellationToken ct = default) =>
        Write(ConsulCall.Delete(PathOf(Writable(prefix))).With("recurse"), q, ct);

    public Task<WriteResult<KVTxnResponse>> Txn(List<KVTxnOp> txn, CancellationToken ct = default) =>
        Txn(txn, q: null, ct);

    public async Task<WriteResult<KVTxnResponse>> Txn(
        List<KVTxnOp> txn, WriteOptions? q, CancellationToken ct = default)
    {
        var call = ConsulCall.Put("/v1/txn")
            .Json([.. txn.Select(TxnOperation.From)], ConsulJson.Default.TxnOperationArray)
            .Accept(HttpStatusCode.Conflict);
        var answer = await transport.Write(call, q, ConsulJson.Default.TxnAnswer, ct);
        var content = answer.Response ?? new TxnAnswer(null, null);
        return new WriteResult<KVTxnResponse>(
            answer, content.ToResponse(success: answer.StatusCode is not HttpStatusCode.Conflict));
    }

    private Task<WriteResult<bool>> Write(ConsulCall call, WriteOptions? options, CancellationToken ct) =>
        transport.Write(call, options, ConsulJson.Default.Boolean, ct);

    private static ConsulCall Writing(KVPair pair) =>
        ConsulCall.Put(PathOf(Writable(pair.Key)))
            .Content(pair.Value)
            .With("flags", pair.Flags == 0 ? null : pair.Flags.ToString());

    private static string PathOf(string key) => $"/v1/kv/{ConsulPath.Key(key)}";

    // The rule of Consul's own clients: a path that starts with a slash would be cleaned, and another key written.
    private static string Writable(string key) => string.IsNullOrEmpty(key) || key[0] == '/'
        ? throw new InvalidKeyPairException($"'{key}' is no key: it must not be empty or start with a slash")
        : key;

    private static string SessionOf(KVPair pair) => string.IsNullOrEmpty(pair.Session)
        ? throw new InvalidKeyPairException($"'{pair.Key}' has no session to lock it for")
        : pair.Session;
}
