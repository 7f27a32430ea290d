using System.Net;
using ServiceMesh.Proxy.Traffic.Transforming;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>Where a route leads, with all that its requests need, built once for all of them.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Route">The route.</param>
/// <param name="Prefix">The path prefix to take off; empty for none.</param>
/// <param name="Request">The protocol to the instance, and how long it may be silent.</param>
/// <param name="Transformer">Makes the request to the instance out of the client's, and the answer to the client out of the instance's.</param>
internal sealed record RouteTarget(
    string Service, Route Route, string Prefix, ForwarderRequestConfig Request, HttpTransformer Transformer)
{
    public static RouteTarget Of(string service, Route route, TrustedProxies trusted)
    {
        var prefix = route.StripPath && route.Path != "/" ? route.Path : "";
        return new RouteTarget(service, route, prefix, ConfigOf(route), new RouteTransformer(route, prefix, trusted));
    }

    // Exactly that version: an instance that was named as one of HTTP/2 is not asked by another protocol in silence.
    private static ForwarderRequestConfig ConfigOf(Route route) => new()
    {
        Version = route.Upstream == UpstreamProtocol.Http ? HttpVersion.Version11 : HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = route.Timeout ?? Route.DefaultTimeout,
    };
}
