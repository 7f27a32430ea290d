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
internal sealed partial class AdminServer(
    IOptions<AdminOptions> options,
    IOptions<ProxyOptions> proxy,
    ListeningSockets sockets,
    AdminPages pages,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILoggerFactory logs) : IHostedService, IAsyncDisposable
{
    private const int MaxConnections = 256;

    private readonly ILogger log = logs.CreateLogger<AdminServer>();
    private readonly CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
    private WebApplication? server;
    private Task opening = Task.CompletedTask;
    private bool isDisposed;

    /// <summary>Where it listens, once it was started.</summary>
    public Uri Address => new(server!.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());

    /// <exception cref="InvalidOperationException">The port cannot be had.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var endpoint = options.Value.EndPoint(proxy.Value.Port);
        var held = sockets.IsHeldElsewhere(endpoint) ? new HeldSockets(sockets, time) : null;
        server = Build(endpoint, held ?? (IConnectionListenerFactory)sockets);
        try
        {
            opening = server.StartAsync(held is null ? cancellationToken : waiting.Token);
            if (held is null || await Task.WhenAny(opening, held.Waits) == opening)
                await opening;
            else
                OpenedLater(endpoint);
        }
        catch (IOException error)
        {
            throw new InvalidOperationException(
                $"The admin port {endpoint} cannot be opened: {error.Message} Choose another with --admin-port or --admin-address.", error);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (server is null)
            return;
        try
        {
            await opening;
            await server.StopAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // It was never opened, or has not ended in time.
        }
    }

    public async ValueTask DisposeAsync()
    {
        // It is this service and a hosted one, and disposed of as each.
        if (isDisposed)
            return;
        isDisposed = true;
        // A process whose start failed stops nothing, and its server waits for its port for ever.
        await waiting.CancelAsync();
        await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (server is not null)
            await server.DisposeAsync();
        waiting.Dispose();
    }

    private WebApplication Build(IPEndPoint endpoint, IConnectionListenerFactory listeners)
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
        builder.Services.AddSingleton(listeners);
        var app = builder.Build();
        app.Run(pages.HandleAsync);
        return app;
    }

    [LoggerMessage(LogLevel.Information, "The proxy that serves now has the port of {Endpoint} at another address: the admin port is opened when it has let go of it")]
    private partial void OpenedLater(IPEndPoint endpoint);

    /// <summary>Waits for a port that the earlier proxy has at another address. It lets go of it when this one has taken over.</summary>
    private sealed class HeldSockets(ListeningSockets sockets, TimeProvider time) : IConnectionListenerFactory
    {
        private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

        private readonly TaskCompletionSource waits = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when it has to wait.</summary>
        public Task Waits => waits.Task;

        public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    return await sockets.BindAsync(endpoint, cancellationToken);
                }
                catch (AddressInUseException)
                {
                    waits.TrySetResult();
                    await Task.Delay(Pause, time, cancellationToken);
                }
            }
        }
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
