namespace Consul;

/// <summary>What became of a transaction.</summary>
public class KVTxnResponse
{
    /// <summary>Whether every operation was done; if not, none was.</summary>
    public bool Success { get; init; }

    /// <summary>Why the transaction was not done; empty after a success.</summary>
    public List<TxnError> Errors { get; init; } = [];

    /// <summary>
    /// The entries written or read, without their values where written. Not parallel to the operations: a delete adds
    /// none, a tree adds many. Look for the key. Empty after a failure.
    /// </summary>
    public List<KVPair> Results { get; init; } = [];
}
