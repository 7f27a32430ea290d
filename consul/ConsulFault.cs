namespace Consul;

/// <summary>The kind of a failed call, for a caller that has to choose between trying again and giving up.</summary>
public enum ConsulFault
{
    /// <summary>
    /// No connection, a broken one, or a failed TLS handshake. Whether a write took place is not known.
    /// </summary>
    Unreachable,

    /// <summary>No answer in time. Whether a write took place is not known.</summary>
    Timeout,

    /// <summary>403: the token is unknown or may not do this.</summary>
    Forbidden,

    /// <summary>429: too many requests or connections.</summary>
    RateLimited,

    /// <summary>
    /// 413: a value above 512 KiB, a transaction with too many operations; or an answer above the limit.
    /// </summary>
    TooLarge,

    /// <summary>Any other status that is neither success nor 5xx: the request is wrong.</summary>
    Rejected,

    /// <summary>5xx: Consul has no leader, lost a race within, or refuses what was asked.</summary>
    Server,

    /// <summary>A successful status with content that is not what Consul's API describes.</summary>
    Unreadable,
}
