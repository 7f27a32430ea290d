using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// Ends the proxy without a lost request: not ready, then no new connections, then what is in flight is finished. All of
/// it before any other part stops, so that routes and health are followed to the last request.
/// </summary>
internal sealed partial class GracefulStop(
    Readiness readiness,
    ListeningSockets sockets,
    OpenConnections connections,
    IServer server,
    IOptions<ListeningOptions> options,
    TimeProvider time,
    ILogger<GracefulStop> log) : IHostedLifecycleService
{
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        readiness.Ready();
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        readiness.Leave();
        if (sockets.AreHandedOver)
        {
            await sockets.StopAcceptingAsync();
            // Whoever asks is told to come back over another connection, and meets the proxy that has taken over.
            await connections.UntilNoneAsync(options.Value.CloseIdleAfter);
        }
        else
        {
            await Task.Delay(options.Value.StopDelay, time, cancellationToken);
        }

        Draining(connections.Count, options.Value.DrainLimit);
        using var limit = new CancellationTokenSource(options.Value.DrainLimit, time);
        await server.StopAsync(limit.Token);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Stopping: {Connections} connections are open; what is in flight has {Limit} to finish")]
    private partial void Draining(int connections, TimeSpan limit);
}
