namespace Consul;

/// <summary>What the answer to a query tells besides its content.</summary>
public class QueryResult : ConsulResult
{
    /// <summary>Creates an empty result.</summary>
    public QueryResult()
    {
    }

    /// <summary>Creates a result with all that another one tells.</summary>
    /// <param name="other">The result to copy from.</param>
    public QueryResult(QueryResult other)
        : base(other)
    {
        LastIndex = other.LastIndex;
        LastContact = other.LastContact;
        KnownLeader = other.KnownLeader;
    }

    /// <summary>
    /// The index to wait on next, in <see cref="QueryOptions.WaitIndex"/>. Present in a 404 too; 0 if the endpoint has
    /// none. An index lower than the one waited on means that Consul's state was replaced: start again from 0.
    /// </summary>
    public ulong LastIndex { get; set; }

    /// <summary>How long ago the answering server had heard of the leader.</summary>
    public TimeSpan LastContact { get; set; }

    /// <summary>Whether the answering server knows of a leader.</summary>
    public bool KnownLeader { get; set; }
}

/// <summary>The answer to a query.</summary>
/// <typeparam name="T">The content's type; nullable where nothing may be found.</typeparam>
public class QueryResult<T> : QueryResult
{
    /// <summary>Creates an empty result.</summary>
    public QueryResult()
    {
        Response = default!;
    }

    /// <summary>Creates a result without content.</summary>
    /// <param name="other">The result to copy from.</param>
    public QueryResult(QueryResult other)
        : base(other)
    {
        Response = default!;
    }

    /// <summary>Creates a result with content.</summary>
    /// <param name="other">The result to copy from.</param>
    /// <param name="value">The content.</param>
    public QueryResult(QueryResult other, T value)
        : base(other)
    {
        Response = value;
    }

    /// <summary>The content; null after a 404.</summary>
    public T Response { get; set; }
}
