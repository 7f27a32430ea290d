using ServiceMesh.Proxy.Traffic.Retries;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic.Transforming;

/// <summary>
/// What a route's requests and answers become on their way. One object for all of them, safe for many at once, and it leaves
/// the client's request as it is, but for a length of 0 that went without saying: a request may be sent a second time.
/// </summary>
internal sealed class RouteTransformer(Route route, string prefix, TrustedProxies trusted) : HttpTransformer
{
    private readonly ForwardedHeaders forwarded = new(prefix, trusted);
    private readonly HeaderPlan? requestHeaders = HeaderPlan.Of(route.RequestHeaders);
    private readonly HeaderPlan? responseHeaders = HeaderPlan.Of(route.ResponseHeaders);

    // The client over TLS asks for a certificate of the host that it sends, and keeps connections for each spelling. So the
    // name must not be the client's to choose: the route's stands there, else the instance's own address.
    private readonly bool keepsHost = route.Upstream != UpstreamProtocol.H2;
    private readonly string? host = route.HasOneHost ? route.Host : null;

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        // .NET's client sends a request without content again by itself when the connection ends before an answer, whatever its
        // method. To one that says that its length is 0 YARP gives an empty content; the instance would be told that length anyway.
        if (route.Upstream == UpstreamProtocol.Http && !RetryRule.IsIdempotent(proxyRequest.Method.Method) && RetryRule.HasNoBody(httpContext))
            httpContext.Request.ContentLength = 0;
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        // First: nothing that is set afterwards can be named away by a client.
        ConnectionHeaders.Drop(httpContext.Request.Headers, proxyRequest);
        forwarded.Write(httpContext, proxyRequest);
        requestHeaders?.Apply(proxyRequest);
        if (!keepsHost)
            proxyRequest.Headers.Host = host;
        proxyRequest.RequestUri = TargetAddress.Of(destinationPrefix, httpContext, prefix);
    }

    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var goesOn = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is null)
            return goesOn;
        ConnectionHeaders.Drop(proxyResponse.Headers, httpContext.Response.Headers);
        responseHeaders?.Apply(httpContext.Response.Headers);
        return goesOn;
    }
}
