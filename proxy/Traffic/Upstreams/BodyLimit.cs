using Microsoft.AspNetCore.Http.Features;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>Holds a request's body to its route's limit.</summary>
internal static class BodyLimit
{
    /// <returns>Whether the request may go on; if not, it says itself that its body is too large.</returns>
    public static bool Set(HttpContext context, Route route)
    {
        if (route.MaxBody is not { } limit || context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return true;
        if (context.Request.ContentLength > limit)
            return false;
        var server = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (server is { IsReadOnly: false })
            server.MaxRequestBodySize = limit;
        // YARP lifts the limit of whatever calls itself gRPC, as long as it may; and gRPC is HTTP/2.
        if (HttpProtocol.IsHttp2(context.Request.Protocol))
            context.Features.Set<IHttpMaxRequestBodySizeFeature>(new Fixed(limit));
        return true;
    }

    private sealed class Fixed(long limit) : IHttpMaxRequestBodySizeFeature
    {
        public bool IsReadOnly => true;

        public long? MaxRequestBodySize
        {
            get => limit;
            set => throw new InvalidOperationException("The limit is the route's.");
        }
    }
}
