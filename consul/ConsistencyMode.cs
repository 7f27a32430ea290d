namespace Consul;

/// <summary>How fresh the answer to a query has to be.</summary>
public enum ConsistencyMode
{
    /// <summary>The leader answers by its lease: fresh, but for a short window after a change of leader.</summary>
    Default,

    /// <summary>The leader asks its peers first: always fresh, one more round trip.</summary>
    Consistent,

    /// <summary>
    /// Any server answers, even without a leader; see <see cref="QueryResult.LastContact"/> for the age.
    /// </summary>
    Stale,
}
