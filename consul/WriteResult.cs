namespace Consul;

/// <summary>The answer to a write that returns nothing.</summary>
public class WriteResult : ConsulResult
{
    /// <summary>Creates an empty result.</summary>
    public WriteResult()
    {
    }

    /// <summary>Creates a result with all that another one tells.</summary>
    /// <param name="other">The result to copy from.</param>
    public WriteResult(WriteResult other)
        : base(other)
    {
    }
}

/// <summary>The answer to a write.</summary>
/// <typeparam name="T">The content's type.</typeparam>
public class WriteResult<T> : WriteResult
{
    /// <summary>Creates an empty result.</summary>
    public WriteResult()
    {
        Response = default!;
    }

    /// <summary>Creates a result without content.</summary>
    /// <param name="other">The result to copy from.</param>
    public WriteResult(WriteResult other)
        : base(other)
    {
        Response = default!;
    }

    /// <summary>Creates a result with content.</summary>
    /// <param name="other">The result to copy from.</param>
    /// <param name="value">The content.</param>
    public WriteResult(WriteResult other, T value)
        : base(other)
    {
        Response = value;
    }

    /// <summary>The content.</summary>
    public T Response { get; set; }
}
