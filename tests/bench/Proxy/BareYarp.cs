using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms;

namespace ServiceMesh.Bench.Proxy;

/// <summary>YARP as its documentation sets it up: one route, one cluster, the configuration in memory, nothing of ours.</summary>
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
                    new RouteConfig { RouteId = "one", ClusterId = "one", Match = new RouteMatch { Path = Peers.Prefix + "/{**rest}" } }
                        .WithTransformPathRemovePrefix(Peers.Prefix)
                        .WithTransformXForwarded(
                            xFor: ForwardedTransformActions.Set,
                            xProto: ForwardedTransformActions.Set,
                            xHost: ForwardedTransformActions.Set,
                            xPrefix: ForwardedTransformActions.Set),
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
}
