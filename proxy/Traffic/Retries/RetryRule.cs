using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic.Retries;

/// <summary>Which failures of an instance allow to ask another one. Pure.</summary>
internal static class RetryRule
{
    /// <summary>Whether the request never reached the instance: then any request may be sent again, its body is still unread.</summary>
    public static bool NeverSent(ForwarderError error, Exception? reason) => error switch
    {
        ForwarderError.Request => reason is HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
        },
        // A connection that took too long ends so in .NET; one whose answer took too long has no such reason within.
        ForwarderError.RequestTimedOut => reason?.GetBaseException() is TimeoutException,
        _ => false,
    };

    /// <summary>Whether the request may be sent twice: an idempotent method (RFC 9110, section 9.2.2) without a body.</summary>
    public static bool IsRepeatable(HttpContext context) => IsIdempotent(context.Request.Method) && HasNoBody(context);

    public static bool HasNoBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };

    /// <summary>Whether to be asked twice is the same as to be asked once.</summary>
    public static bool IsIdempotent(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method)
        || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method);

    /// <summary>Whether an answer says that another instance may do better.</summary>
    public static bool IsFailure(int status) =>
        status is StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status504GatewayTimeout;
}
