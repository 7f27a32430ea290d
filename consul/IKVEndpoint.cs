namespace Consul;

/// <summary>
/// Consul's KV store (<c>/v1/kv</c>, <c>/v1/txn</c>). Keys are given as they are in the store; escaping is done here. A
/// call that fails throws <see cref="ConsulRequestException"/>; a lost race is a result.
/// </summary>
public interface IKVEndpoint
{
    /// <summary>Reads one key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The entry; null if there is none.</returns>
    Task<QueryResult<KVPair?>> Get(string key, CancellationToken ct = default);

    /// <inheritdoc cref="Get(string, CancellationToken)"/>
    /// <param name="key">The key.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<KVPair?>> Get(string key, QueryOptions? q, CancellationToken ct = default);

    /// <summary>
    /// Reads every entry whose key starts with the prefix, which is compared by character: end it with a slash.
    /// </summary>
    /// <param name="prefix">The prefix; empty for all.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The entries, sorted by key; null if there are none.</returns>
    Task<QueryResult<KVPair[]?>> List(string prefix, CancellationToken ct = default);

    /// <inheritdoc cref="List(string, CancellationToken)"/>
    /// <param name="prefix">The prefix; empty for all.</param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<KVPair[]?>> List(string prefix, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Reads the keys that start with the prefix.</summary>
    /// <param name="prefix">The prefix; empty for all.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    /// <returns>The keys, sorted; null if there are none.</returns>
    Task<QueryResult<string[]?>> Keys(string prefix, CancellationToken ct = default);

    /// <inheritdoc cref="Keys(string, CancellationToken)"/>
    /// <param name="prefix">The prefix; empty for all.</param>
    /// <param name="separator">
    /// Cuts each key after its next occurrence, so that one level is listed; null for none.
    /// </param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<string[]?>> Keys(string prefix, string? separator, CancellationToken ct = default);

    /// <inheritdoc cref="Keys(string, CancellationToken)"/>
    /// <param name="prefix">The prefix; empty for all.</param>
    /// <param name="separator">
    /// Cuts each key after its next occurrence, so that one level is listed; null for none.
    /// </param>
    /// <param name="q">Options; a wait index makes the call block.</param>
    /// <param name="ct">Ends the call, a blocking one too.</param>
    Task<QueryResult<string[]?>> Keys(
        string prefix, string? separator, QueryOptions? q, CancellationToken ct = default);

    /// <summary>Writes value and flags, whatever is there.</summary>
    /// <param name="p">The entry; its indexes are not looked at.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>True.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash.</exception>
    Task<WriteResult<bool>> Put(KVPair p, CancellationToken ct = default);

    /// <inheritdoc cref="Put(KVPair, CancellationToken)"/>
    /// <param name="p">The entry; its indexes are not looked at.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> Put(KVPair p, WriteOptions? q, CancellationToken ct = default);

    /// <summary>
    /// Writes if the key's ModifyIndex is the entry's; with ModifyIndex 0, if the key does not exist.
    /// </summary>
    /// <param name="p">The entry with the index it was read at.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Whether it was written; false is a lost race.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash.</exception>
    Task<WriteResult<bool>> CAS(KVPair p, CancellationToken ct = default);

    /// <inheritdoc cref="CAS(KVPair, CancellationToken)"/>
    /// <param name="p">The entry with the index it was read at.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> CAS(KVPair p, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Writes and locks the key for the entry's session.</summary>
    /// <param name="p">The entry with its session.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Whether the session has the lock; false if another one has it, or its lock delay is running.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash; or no session.</exception>
    Task<WriteResult<bool>> Acquire(KVPair p, CancellationToken ct = default);

    /// <inheritdoc cref="Acquire(KVPair, CancellationToken)"/>
    /// <param name="p">The entry with its session.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> Acquire(KVPair p, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Writes and unlocks the key that the entry's session holds.</summary>
    /// <param name="p">The entry with its session.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Whether the lock was let go; false if the session does not have it.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash; or no session.</exception>
    Task<WriteResult<bool>> Release(KVPair p, CancellationToken ct = default);

    /// <inheritdoc cref="Release(KVPair, CancellationToken)"/>
    /// <param name="p">The entry with its session.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> Release(KVPair p, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Deletes one key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>True, also if the key was not there.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash.</exception>
    Task<WriteResult<bool>> Delete(string key, CancellationToken ct = default);

    /// <inheritdoc cref="Delete(string, CancellationToken)"/>
    /// <param name="key">The key.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> Delete(string key, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Deletes the key if its ModifyIndex is the entry's.</summary>
    /// <param name="p">The entry with the index it was read at.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Whether it was deleted; false is a lost race.</returns>
    /// <exception cref="InvalidKeyPairException">The key is empty or starts with a slash.</exception>
    Task<WriteResult<bool>> DeleteCAS(KVPair p, CancellationToken ct = default);

    /// <inheritdoc cref="DeleteCAS(KVPair, CancellationToken)"/>
    /// <param name="p">The entry with the index it was read at.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> DeleteCAS(KVPair p, WriteOptions? q, CancellationToken ct = default);

    /// <summary>
    /// Deletes every key that starts with the prefix, which is compared by character: end it with a slash.
    /// </summary>
    /// <param name="prefix">The prefix.</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>True.</returns>
    /// <exception cref="InvalidKeyPairException">The prefix is empty or starts with a slash.</exception>
    Task<WriteResult<bool>> DeleteTree(string prefix, CancellationToken ct = default);

    /// <inheritdoc cref="DeleteTree(string, CancellationToken)"/>
    /// <param name="prefix">The prefix.</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<bool>> DeleteTree(string prefix, WriteOptions? q, CancellationToken ct = default);

    /// <summary>Does all operations or none, atomically.</summary>
    /// <param name="txn">The operations, 64 at the most (128 in newer versions of Consul).</param>
    /// <param name="ct">Ends the call.</param>
    /// <returns>
    /// What became of it; a lost comparison is <see cref="KVTxnResponse.Success"/> false, with its errors.
    /// </returns>
    /// <exception cref="ConsulRequestException">
    /// With <see cref="ConsulFault.TooLarge"/>: too many operations, or values above 512 KiB in all.
    /// </exception>
    Task<WriteResult<KVTxnResponse>> Txn(List<KVTxnOp> txn, CancellationToken ct = default);

    /// <inheritdoc cref="Txn(List{KVTxnOp}, CancellationToken)"/>
    /// <param name="txn">The operations, 64 at the most (128 in newer versions of Consul).</param>
    /// <param name="q">Options.</param>
    /// <param name="ct">Ends the call.</param>
    Task<WriteResult<KVTxnResponse>> Txn(List<KVTxnOp> txn, WriteOptions? q, CancellationToken ct = default);
}
