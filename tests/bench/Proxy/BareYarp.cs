using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms;

namespace ServiceMesh.Bench.Proxy;

/// <summary>YARP as its documentation sets it up: a route, and one that changes headers, one cluster, the configuration in memory, nothing of ours.</summary>
internal static class BareYarp
{
    public const string Verb = "bare-yarp";

    public static async Task RunAsync(string port, string backend)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenAnyIP(int.Parse(port, CultureInfo.InvariantCulture));
        });
        builder.Services.AddReverseProxy()
            .LoadFromMemory(
                [
                    RouteOf(Peers.Prefix),
                    RouteOf(Peers.ChangesPrefix)
                        .WithTransformRequestHeader(Peers.RequestHeader.Keys.Single(), Peers.RequestHeader.Values.Single(), append: false)
                        .WithTransformResponseHeader(Peers.ResponseHeader.Keys.Single(), Peers.ResponseHeader.Values.Single(), append: false),
                ],
                [
                    new ClusterConfig
                    {
                        ClusterId = "one",
                        Destinations = new Dictionary<string, DestinationConfig>(StringComparer.Ordinal)
                        {
                            ["one"] = new() { Address = $"http://127.0.0.1:{backend}" },
                        },
                    },
                ]);
        await using var app = builder.Build();
        app.MapReverseProxy();
        await app.RunAsync();
    }

    private static RouteConfig RouteOf(string prefix) =>
        new RouteConfig { RouteId = prefix, ClusterId = "one", Match = new RouteMatch { Path = prefix + "/{**rest}" } }
            .WithTransformPathRemovePrefix(prefix)
            .WithTransformXForwarded(
                xFor: ForwardedTransformActions.Set,
                xProto: ForwardedTransformActions.Set,
                xHost: ForwardedTransformActions.Set,
                xPrefix: ForwardedTransformActions.Set);
}
