using ServiceMesh.Proxy.Answers;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// Refuses what Kestrel lets through although another HTTP server could see another end of the body in it: what one of
/// two servers takes for a body the other takes for a second request (request smuggling, RFC 9112 11.2).
/// </summary>
internal static class Framing
{
    public static void UseSoundFraming(this IApplicationBuilder app) => app.Use(static (context, next) =>
        Fault(context.Request) is { } fault ? RefuseAsync(context, fault) : next(context));

    /// <summary>Why the request is refused, or <c>null</c>.</summary>
    public static string? Fault(HttpRequest request)
    {
        var codings = request.Headers.TransferEncoding;
        if (codings.Count == 0)
            return null;
        // RFC 9113 8.2.2.
        if (HttpProtocol.IsHttp2(request.Protocol))
            return "HTTP/2 has no Transfer-Encoding.";
        // RFC 9112 6.1.
        if (HttpProtocol.IsHttp10(request.Protocol))
            return "HTTP/1.0 has no Transfer-Encoding.";
        if (codings is not [{ } coding] || !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase))
            return "The only Transfer-Encoding that is understood here is chunked, once.";
        // So Kestrel renames the Content-Length of a request that has a Transfer-Encoding, too.
        if (request.Headers.ContainsKey("X-Content-Length"))
            return "A request has a Content-Length or a Transfer-Encoding, not both.";
        return null;
    }

    private static Task RefuseAsync(HttpContext context, string fault)
    {
        context.Response.Headers.Connection = "close";
        return Problem.WriteAsync(context, StatusCodes.Status400BadRequest, fault);
    }
}
