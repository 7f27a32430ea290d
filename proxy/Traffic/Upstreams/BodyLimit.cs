using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using ServiceMesh.Proxy.Traffic.Retries;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>Holds a request's body to its route's limit, and one by HTTP/2 to no rate.</summary>
internal static class BodyLimit
{
    /// <returns>Whether the request may go on; if not, it says itself that its body is too large.</returns>
    public static bool Set(HttpContext context, Route route)
    {
        var isHttp2 = HttpProtocol.IsHttp2(context.Request.Protocol);
        if ((route.MaxBody is null && !isHttp2) || RetryRule.HasNoBody(context))
            return true;
        // Kestrel would end the whole connection for one body that is too slow, and all others' requests with it.
        if (isHttp2 && context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        if (route.MaxBody is not { } limit)
            return true;
        if (context.Request.ContentLength > limit)
            return false;
        var server = context.Features.Get<IHttpMaxRequestBodySizeFeature>();
        if (server is { IsReadOnly: false })
            server.MaxRequestBodySize = limit;
        // YARP lifts the limit of whatever calls itself gRPC, as long as it may; and gRPC is HTTP/2.
        if (isHttp2)
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
