using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Traffic.Retries;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>Holds a request's body to its route's limit, and one by HTTP/2 to the least rate. By HTTP/1.1 Kestrel holds it to that.</summary>
internal sealed class BodyLimit(IOptions<ListeningOptions> options, TimeProvider time)
{
    /// <returns>Whether the request may go on; if not, it says itself that its body is too large.</returns>
    public bool Set(Exchange exchange, Route route)
    {
        var context = exchange.Context;
        var isHttp2 = HttpProtocol.IsHttp2(context.Request.Protocol);
        if ((route.MaxBody is null && !isHttp2) || RetryRule.HasNoBody(context))
            return true;
        // Kestrel would end the whole connection for one body that is too slow, and all others' requests with it.
        if (isHttp2 && context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        if (isHttp2 && options.Value.MinBodyRate > 0 && HasRate(context.Request, route) && context.Request.Body is not RatedBody)
            context.Request.Body = Rated(exchange);
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

    // Apart: of what it captures there is an object for each call.
    private RatedBody Rated(Exchange exchange) =>
        new(exchange.Context.Request.Body, options.Value.MinBodyRate, () => exchange.AnsweredAfter is not null, time);

    // A call of gRPC may be silent for as long as it likes. A route to HTTP/1.1 leads to none, whatever a client calls its body.
    private static bool HasRate(HttpRequest request, Route route) =>
        !HttpMethods.IsConnect(request.Method)
        && (route.Upstream == UpstreamProtocol.Http || request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) != true);

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
