using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Consul;

namespace ServiceMesh.Store;

/// <summary>
/// Reads and changes what the mesh keeps in Consul KV. Every call throws <see cref="ConsulRequestException"/> when Consul
/// refuses it or cannot be reached; a lost race is a return value.
/// </summary>
public sealed class MeshStore(IConsulClient consul, BlockingQuery blocking)
{
    // The list of thousands is read whole after each change of one of them, and would be nearly all that a proxy does while they
    // change often. What was changed last is told without it.
    private static readonly TimeSpan RestPerDocument = TimeSpan.FromMilliseconds(0.2);

    /// <summary>What stands under the service's key; <c>null</c> if nothing does.</summary>
    public async Task<StoredDocument?> ReadAsync(string service, CancellationToken ct)
    {
        var pair = (await consul.KV.Get(MeshKeys.Service(service), Fresh, ct)).Response;
        return pair is null ? null : DocumentSet.Read(service, pair, before: null);
    }

    /// <summary>The names of the services that have a document.</summary>
    public async Task<IReadOnlyList<string>> NamesAsync(CancellationToken ct) =>
        [.. ((await consul.KV.Keys(MeshKeys.Services, ct)).Response ?? []).Select(MeshKeys.ServiceOf)];

    /// <summary>All documents, read once.</summary>
    public async Task<DocumentSet> ListAsync(CancellationToken ct) =>
        DocumentSet.Empty.Follow((await ListServicesAsync(Fresh, ct)).Response);

    /// <summary>
    /// All documents, at once and again after each change of one of them, for as long as the caller listens. Consul being
    /// away only delays it. A change that was committed here is told of as soon as it is known, before the list of all, which is
    /// long where there are thousands, has come. Begin with <paramref name="known"/> where earlier documents are known, so that a faulty one
    /// falls back to its last sound one.
    /// </summary>
    public async IAsyncEnumerable<DocumentSet> WatchAsync(DocumentSet known, [EnumeratorCancellation] CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        ulong index = 0;
        await using var lists = blocking.FollowAsync(
            "documents",
            async (query, token) =>
            {
                var result = await ListServicesAsync(query, token);
                index = result.LastIndex;
                return result;
            },
            SamePairs,
            over.Token,
            pairs => RestPerDocument * pairs.Length).GetAsyncEnumerator(over.Token);
        await using var latest = blocking.FollowAsync("the latest document", ReadLatestAsync, SamePairs, over.Token).GetAsyncEnumerator(over.Token);
        var view = new DocumentView(known);
        var (list, change) = (lists.MoveNextAsync().AsTask(), latest.MoveNextAsync().AsTask());
        try
        {
            while (true)
            {
                var isList = await Task.WhenAny(list, change) == list;
                await (isList ? list : change);
                if ((isList ? view.Listed(lists.Current, index) : view.Changed(latest.Current.FirstOrDefault())) is { } documents)
                    yield return documents;
                if (isList)
                    list = lists.MoveNextAsync().AsTask();
                else
                    change = latest.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // An enumerator may be disposed of only when it rests.
            await over.CancelAsync();
            await Task.WhenAll((Task)list, change).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The index at which a document, of whatever service, was written last; 0 where none was.</summary>
    public async Task<ulong> LatestAsync(CancellationToken ct) => (await consul.KV.Get(MeshKeys.Latest, Fresh, ct)).Response?.ModifyIndex ?? 0;

    /// <summary>The number of the service's next history entry. Whoever holds its lock is the only one to give it.</summary>
    public async Task<int> NextNumberAsync(string service, CancellationToken ct)
    {
        var keys = (await consul.KV.Keys(MeshKeys.HistoryOf(service), "", Fresh, ct)).Response ?? [];
        return keys.Select(MeshKeys.NumberOf).DefaultIfEmpty().Max() + 1;
    }

    /// <summary>
    /// Writes the document and the history entry in one transaction, if the document is still at
    /// <paramref name="expectedIndex"/> (0: there is none yet) and the lock is still held. Without a document only the
    /// entry is written. It has the number that <see cref="NextNumberAsync"/> gave; the entry that is <see cref="HistoryEntry.Limit"/>
    /// older goes. Nothing else is asked here: what is thrown leaves it open whether the transaction took place.
    /// </summary>
    /// <param name="held">The service's lock.</param>
    /// <param name="document">The document; <c>null</c> for the entry alone.</param>
    /// <param name="expectedIndex">The index of the document that it replaces.</param>
    /// <param name="entry">What the history tells of it.</param>
    /// <param name="latest">What <see cref="LatestAsync"/> told: the document is written only if none of any service was since; <c>null</c> for whatever was.</param>
    /// <param name="ct">Ends the call.</param>
    public async Task<CommitResult> CommitAsync(
        ServiceLock held, ServiceDocument? document, ulong expectedIndex, HistoryEntry entry, CancellationToken ct, ulong? latest = null)
    {
        List<KVTxnOp> operations =
        [
            new(MeshKeys.Lock(entry.Service), KVTxnVerb.CheckSession) { Session = held.Session },
            new(MeshKeys.History(entry.Service, entry.Number), KVTxnVerb.CAS)
            {
                Index = 0,
                Value = Bytes(entry, entry.Number),
            },
        ];
        if (entry.Number > HistoryEntry.Limit)
            operations.Add(new KVTxnOp(MeshKeys.History(entry.Service, entry.Number - HistoryEntry.Limit), KVTxnVerb.Delete));
        if (document is not null)
        {
            operations.Add(new KVTxnOp(MeshKeys.Service(document.Service), KVTxnVerb.CAS)
            {
                Index = expectedIndex,
                Value = DocumentFormat.Write(document),
            });
            operations.Add(new KVTxnOp(MeshKeys.Latest, latest is null ? KVTxnVerb.Set : KVTxnVerb.CAS) { Index = latest ?? 0, Value = DocumentView.Latest(document) });
        }

        var response = (await consul.KV.Txn(operations, ct)).Response;
        if (!response.Success)
        {
            return new CommitResult(Committed: false, Index: 0, string.Join("; ", response.Errors.Select(error => error.What)))
            {
                IsOvertaken = latest is not null && response.Errors.Count > 0 && response.Errors.TrueForAll(error => operations[error.OpIndex].Key == MeshKeys.Latest),
            };
        }

        // Not that of the transaction: a document that is written as it was keeps its own.
        var written = document is null ? MeshKeys.History(entry.Service, entry.Number) : MeshKeys.Service(document.Service);
        return new CommitResult(Committed: true, response.Results.First(pair => pair.Key == written).ModifyIndex, Conflict: null);
    }

    /// <summary>The service's history, oldest first; entries that cannot be read are left out.</summary>
    public async Task<IReadOnlyList<HistoryEntry>> HistoryAsync(string service, CancellationToken ct)
    {
        var pairs = (await consul.KV.List(MeshKeys.HistoryOf(service), Fresh, ct)).Response ?? [];
        return [.. pairs.Select(Entry).OfType<HistoryEntry>().OrderBy(entry => entry.Number)];
    }

    /// <summary>The index that a transaction gave to the document, by the entry that it wrote; <c>null</c> if it did not take place.</summary>
    /// <remarks>Whatever became of the document since. One that was written as it was keeps its own index, as long as it stays so.</remarks>
    public async Task<ulong?> CommittedAtAsync(HistoryEntry entry, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var pairs = (await consul.KV.List(MeshKeys.HistoryOf(entry.Service), Fresh, ct)).Response ?? [];
        if (pairs.FirstOrDefault(pair => pair.Value.AsSpan().SequenceEqual(Bytes(entry, MeshKeys.NumberOf(pair.Key)))) is not { ModifyIndex: var written })
            return null;
        var document = (await consul.KV.Get(MeshKeys.Service(entry.Service), Fresh, ct)).Response;
        return document is null ? written : Math.Min(document.ModifyIndex, written);
    }

    /// <summary>For how long a deployer's public key stays that is not published again. No deployment takes as long.</summary>
    public static TimeSpan SignerLife { get; } = TimeSpan.FromDays(7);

    /// <summary>
    /// Makes a deployer's public key known to the proxies, and removes those that were not published within
    /// <see cref="SignerLife"/>: a CI host that is made for one run never comes back.
    /// </summary>
    /// <param name="signer">Who holds the private key, such as a host name; another's key of that name stays.</param>
    /// <param name="publicKey">The key, P-256.</param>
    /// <param name="now">The time.</param>
    /// <param name="ct">Ends the call.</param>
    public async Task PublishSignerAsync(string signer, ECDsa publicKey, DateTimeOffset now, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(publicKey);
        var pem = Encoding.ASCII.GetBytes(publicKey.ExportSubjectPublicKeyInfoPem());
        await consul.KV.Put(new KVPair(MeshKeys.Signer(signer, publicKey)) { Value = pem, Flags = (ulong)now.ToUnixTimeSeconds() }, ct);
        var published = (await consul.KV.List(MeshKeys.Signers, Fresh, ct)).Response ?? [];
        // Not one that its deployer publishes again just now.
        foreach (var old in published.Where(key => key.Flags < (ulong)(now - SignerLife).ToUnixTimeSeconds()))
            await consul.KV.DeleteCAS(old, ct);
    }

    /// <summary>
    /// Makes the key that all proxies sign their cookies with, where there is none yet: without it a client's cookie is worth
    /// nothing at another proxy.
    /// </summary>
    // Two deployers at once: one of them creates it, the other leaves it as it is.
    public Task EnsureCookieKeyAsync(CancellationToken ct) =>
        consul.KV.CAS(new KVPair(MeshKeys.Cookie) { Value = RandomNumberGenerator.GetBytes(Keyring.CookieKeyBytes), ModifyIndex = 0 }, ct);

    /// <summary>The keys, at once and again after each change, for as long as the caller listens.</summary>
    public async IAsyncEnumerable<Keyring> WatchKeysAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var pairs in blocking.FollowAsync("keys", ListKeysAsync, SamePairs, ct))
            yield return Keyring.Of(pairs);
    }

    private async Task<QueryResult<KVPair[]>> ReadLatestAsync(QueryOptions query, CancellationToken ct)
    {
        var result = await consul.KV.Get(MeshKeys.Latest, query, ct);
        return new QueryResult<KVPair[]>(result, result.Response is { } pair ? [pair] : []);
    }

    private async Task<QueryResult<KVPair[]>> ListKeysAsync(QueryOptions query, CancellationToken ct)
    {
        var result = await consul.KV.List(MeshKeys.Secrets, query, ct);
        return new QueryResult<KVPair[]>(result, result.Response ?? []);
    }

    // A deployer acts on what it reads: never on a follower's older view.
    private static QueryOptions Fresh => new() { Consistency = ConsistencyMode.Consistent };

    private static byte[] Bytes(HistoryEntry entry, int number) =>
        JsonSerializer.SerializeToUtf8Bytes(entry with { Number = number }, MeshJson.Default.HistoryEntry);

    private static HistoryEntry? Entry(KVPair pair)
    {
        try
        {
            return JsonSerializer.Deserialize(pair.Value, MeshJson.Default.HistoryEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // No key at all is 404 in Consul; here it is simply an empty list.
    private async Task<QueryResult<KVPair[]>> ListServicesAsync(QueryOptions query, CancellationToken ct)
    {
        var result = await consul.KV.List(MeshKeys.Services, query, ct);
        // Whoever may not read a key gets a list without it, and would take every service for gone. Asked for one key alone,
        // Consul refuses.
        if (result.Response is null or [])
            await consul.KV.Get(MeshKeys.Services, Fresh, ct);
        return new QueryResult<KVPair[]>(result, result.Response ?? []);
    }

    private static bool SamePairs(KVPair[] one, KVPair[] other) =>
        one.AsSpan().SequenceEqual(other, PairComparer);

    private static EqualityComparer<KVPair> PairComparer { get; } = EqualityComparer<KVPair>.Create(
        (a, b) => a!.Key == b!.Key && a.ModifyIndex == b.ModifyIndex && a.Value.AsSpan().SequenceEqual(b.Value),
        pair => pair.Key.GetHashCode(StringComparison.Ordinal));
}

/// <summary>How a commit ended.</summary>
/// <param name="Committed">Whether everything was written; if not, nothing was.</param>
/// <param name="Index">The ModifyIndex of the document; without one that of the entry.</param>
/// <param name="Conflict">Consul's reason when it was not.</param>
public sealed record CommitResult(bool Committed, ulong Index, string? Conflict)
{
    /// <summary>Whether nothing stood in its way but another document, of whatever service, that was written since.</summary>
    public bool IsOvertaken { get; init; }
}
