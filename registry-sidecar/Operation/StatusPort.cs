using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Operation;

/// <summary>The HTTP port for operators: health, readiness and metrics. Without it neither Kestrel nor OpenTelemetry is there.</summary>
internal static class StatusPort
{
    private const string Metrics = "/metrics";

    /// <exception cref="StatusPortException">The port cannot be had.</exception>
    public static IHostBuilder AddStatusPort(this IHostBuilder builder, SidecarOptions options)
    {
        if (options.StatusPort == 0)
            return builder;

        var endpoint = new IPEndPoint(options.StatusAddress, options.StatusPort);
        // Opened before anything else begins: a start that fails has done nothing.
        var socket = Open(endpoint);
        return builder
            .ConfigureWebHost(
                web => web
                    .UseKestrelCore()
                    .ConfigureKestrel(kestrel =>
                    {
                        kestrel.AddServerHeader = false;
                        kestrel.Listen(endpoint);
                    })
                    .UseSockets(sockets => sockets.CreateBoundListenSocket = _ => socket)
                    .ConfigureServices(services => services.AddSingleton<StatusPages>())
                    .Configure(app => app
                        .UseOpenTelemetryPrometheusScrapingEndpoint(context => context.Request.Path == Metrics)
                        .Run(app.ApplicationServices.GetRequiredService<StatusPages>().HandleAsync)),
                // The base image names a port of its own.
                host => host.SuppressEnvironmentConfiguration = true)
            .ConfigureServices(services => services
                // This sidecar's own: OpenTelemetry by itself takes those of all that have the name in the process for one.
                .AddMetrics(metrics => metrics.EnableMetrics(SidecarMetrics.MeterName, instrumentName: null, listenerName: null, MeterScope.Local))
                .AddOpenTelemetry()
                .WithMetrics(metrics => metrics.AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0)));
    }

    private static Socket Open(IPEndPoint endpoint)
    {
        try
        {
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        }
        catch (SocketException error)
        {
            throw new StatusPortException(endpoint, error);
        }
    }
}

/// <summary>The status port cannot be opened.</summary>
internal sealed class StatusPortException(IPEndPoint endpoint, SocketException inner) : Exception(
    $"The status port {endpoint} cannot be opened: {inner.Message}. Choose another with --status-port or --status-address.", inner);
