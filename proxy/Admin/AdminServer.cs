using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Admin;

/// <summary>
/// The admin port: a server of its own beside the one for the traffic. So neither can lead to the other's paths, no crowd of
/// clients keeps an operator out, and it answers until the last request has left. Its socket is one of those that the next
/// proxy takes over.
/// </summary>
internal sealed class AdminServer(
    IOptions<AdminOptions> options, IOptions<ProxyOptions> proxy, ListeningSockets sockets, AdminPages pages, ILoggerFactory logs) : IHostedService, IAsyncDisposable
{
    private const int MaxConnections = 256;

    private WebApplication? server;

    /// <summary>Where it listens, once it was started.</summary>
    public Uri Address => new(server!.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());

    /// <exception cref="InvalidOperationException">The port cannot be had.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var endpoint = options.Value.EndPoint(proxy.Value.Port);
        server = Build(endpoint);
        try
        {
            await server.StartAsync(cancellationToken);
        }
        catch (IOException error)
        {
            throw new InvalidOperationException(
                $"The admin port {endpoint} cannot be opened: {error.Message} Choose another with --admin-port or --admin-address.", error);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => server?.DisposeAsync() ?? ValueTask.CompletedTask;

    private WebApplication Build(IPEndPoint endpoint)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = MaxConnections;
            kestrel.Listen(endpoint);
        });
        builder.Services.AddSingleton<IConnectionListenerFactory>(sockets);
        var app = builder.Build();
        app.Run(pages.HandleAsync);
        return app;
    }

    /// <summary>Signals are the process's own matter.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>Adds the admin port.</summary>
internal static class AdminSetup
{
    public static void AddAdmin(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AdminOptions>().BindConfiguration("Proxy").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<AdminOptions>, AdminOptionsValidator>();
        builder.Services.AddSingleton<ProxyMeter>();
        builder.Services.AddSingleton<MetricsAnswer>();
        builder.Services.AddSingleton<StateAnswer>();
        builder.Services.AddSingleton<AdminGate>();
        builder.Services.AddSingleton<AdminPages>();
        builder.Services.AddSingleton<AdminServer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<AdminServer>());
    }
}
