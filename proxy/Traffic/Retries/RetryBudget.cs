namespace ServiceMesh.Proxy.Traffic.Retries;

/// <summary>
/// Allows retries in proportion to a service's requests, so that retries cannot multiply the load on a service that is
/// failing under it. Each request pays its share in; a retry takes a whole one out. A few are there from the start.
/// </summary>
internal sealed class RetryBudget
{
    // In thousandths of a retry.
    private const long Retry = 1000;
    private const long AtStart = 10 * Retry;
    private const long Most = 100 * Retry;

    private long balance = AtStart;
    private long sent;
    private long denied;

    /// <summary>How many retries reached another instance; one that was allowed may find no place at any.</summary>
    public long Sent => Volatile.Read(ref sent);

    /// <summary>How many more there would have been, had the budget allowed them.</summary>
    public long Denied => Volatile.Read(ref denied);

    /// <summary>Pays in for a request.</summary>
    /// <param name="share">The share of requests that may be retries.</param>
    public void Deposit(double share)
    {
        // A full budget is only read: it would else be one memory cell that all requests write.
        if (Volatile.Read(ref balance) < Most)
            Interlocked.Add(ref balance, (long)(share * Retry));
    }

    /// <summary>Takes note of a retry that goes to another instance now.</summary>
    public void Send() => Interlocked.Increment(ref sent);

    /// <summary>Takes a retry out, if one is there.</summary>
    public bool TryWithdraw()
    {
        if (Interlocked.Add(ref balance, -Retry) >= 0)
            return true;

        Interlocked.Add(ref balance, Retry);
        Interlocked.Increment(ref denied);
        return false;
    }
}
