using System.Net;

namespace Consul;

/// <summary>
/// A call that Consul refused, or that did not reach it. The message holds the method, the address called, and what
/// came back; never the token.
/// </summary>
public class ConsulRequestException : Exception
{
    /// <summary>Creates an exception without a message.</summary>
    public ConsulRequestException()
    {
    }

    /// <summary>Creates an exception with a message alone.</summary>
    /// <param name="message">What was called and what came back.</param>
    public ConsulRequestException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with its cause.</summary>
    /// <param name="message">What was called and what came back.</param>
    /// <param name="inner">The cause.</param>
    public ConsulRequestException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Creates an exception for an answer.</summary>
    /// <param name="message">What was called and what came back.</param>
    /// <param name="statusCode">The answer's status.</param>
    public ConsulRequestException(string message, HttpStatusCode statusCode)
        : this(message, statusCode, inner: null)
    {
    }

    /// <summary>Creates an exception for an answer, with its cause.</summary>
    /// <param name="message">What was called and what came back.</param>
    /// <param name="statusCode">The answer's status.</param>
    /// <param name="inner">The cause.</param>
    public ConsulRequestException(string message, HttpStatusCode statusCode, Exception? inner)
        : base(message, inner)
    {
        StatusCode = statusCode;
        Fault = FaultOf(statusCode);
    }

    /// <summary>Creates an exception for a call without a usable answer.</summary>
    /// <param name="message">What was called and what went wrong.</param>
    /// <param name="fault">The kind of the failure.</param>
    /// <param name="inner">The cause.</param>
    public ConsulRequestException(string message, ConsulFault fault, Exception? inner)
        : base(message, inner)
    {
        Fault = fault;
    }

    /// <summary>The answer's status; 0 if there was no answer.</summary>
    public HttpStatusCode StatusCode { get; set; }

    /// <summary>The kind of the failure.</summary>
    public ConsulFault Fault { get; init; }

    /// <summary>Whether the same call may succeed later: unreachable, timed out, rate limited, or a 5xx.</summary>
    public bool IsTransient => Fault
        is ConsulFault.Unreachable or ConsulFault.Timeout or ConsulFault.RateLimited or ConsulFault.Server;

    private static ConsulFault FaultOf(HttpStatusCode status) => status switch
    {
        default(HttpStatusCode) => ConsulFault.Unreachable,
        HttpStatusCode.Forbidden => ConsulFault.Forbidden,
        HttpStatusCode.TooManyRequests => ConsulFault.RateLimited,
        HttpStatusCode.RequestEntityTooLarge => ConsulFault.TooLarge,
        >= HttpStatusCode.InternalServerError => ConsulFault.Server,
        _ => ConsulFault.Rejected,
    };
}
