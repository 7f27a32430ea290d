using System.Net;

namespace Consul;

/// <summary>What every answer of Consul tells.</summary>
public abstract class ConsulResult
{
    /// <summary>Creates an empty result.</summary>
    protected ConsulResult()
    {
    }

    /// <summary>Creates a result with the time and status of another one.</summary>
    /// <param name="other">The result to copy from.</param>
    protected ConsulResult(ConsulResult other)
    {
        ArgumentNullException.ThrowIfNull(other);
        RequestTime = other.RequestTime;
        StatusCode = other.StatusCode;
    }

    /// <summary>From sending the request to having read the whole answer.</summary>
    public TimeSpan RequestTime { get; set; }

    /// <summary>
    /// The HTTP status: a 2xx, or one that the call takes as an answer (404, and 409 for a transaction).
    /// </summary>
    public HttpStatusCode StatusCode { get; set; }
}
