using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar.Operation;
using ServiceMesh.RegistrySidecar.Settings;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// Follows Docker's events for as long as the sidecar runs. It subscribes before anything is listed, with <c>since</c> a
/// moment before the subscription by Docker's own clock, so that no event falls between the two.
/// </summary>
internal sealed partial class ContainerWatch(
    SidecarOptions options, WorkQueue queue, SidecarMetrics metrics, TimeProvider time, ILogger<ContainerWatch> log) : BackgroundService
{
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    private DockerClient? current;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failures = 0;
        while (true)
        {
            var begun = time.GetTimestamp();
            var reason = await FollowAsync(stoppingToken);
            metrics.DockerLost();
            stoppingToken.ThrowIfCancellationRequested();
            failures = time.GetElapsedTime(begun) > Stable ? 1 : failures + 1;
            var delay = Backoff.Delay(failures, Random.Shared.NextDouble());
            Disconnected(ForeignText.Shown(reason), delay.TotalSeconds);
            await Task.Delay(delay, time, stoppingToken);
        }
    }

    public override void Dispose()
    {
        current?.Dispose();
        base.Dispose();
    }

    /// <summary>Follows one connection to its end.</summary>
    /// <returns>Why it ended.</returns>
    private async Task<string> FollowAsync(CancellationToken ct)
    {
        try
        {
            // Connected anew each time: the Engine that comes back may be another version.
            var engine = await DockerEngine.ConnectAsync(options.DockerHost, ct);
            using var former = Interlocked.Exchange(ref current, engine);
            var info = await engine.System.GetSystemInfoAsync(ct);
            var stream = engine.System.MonitorEventsAsync(Subscription(info.SystemTime), new Marker(queue, metrics), ct);
            metrics.DockerConnected();
            Connected(info.Name, info.ServerVersion);
            queue.Connected(new EngineConnection(engine, info.Name));
            await stream;
            return "the event stream ended";
        }
        catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            return DockerFailure.Describe(error);
        }
    }

    private static ContainerEventsParameters Subscription(string dockersClock) => new()
    {
        Since = DateTimeOffset.TryParse(dockersClock, CultureInfo.InvariantCulture, out var now)
            ? (now.ToUnixTimeSeconds() - 1).ToString(CultureInfo.InvariantCulture)
            : null,
        Filters = ContainerEvents.Filter,
    };

    private sealed class Marker(WorkQueue queue, SidecarMetrics metrics) : IProgress<Message>
    {
        public void Report(Message value)
        {
            if (ContainerEvents.Read(value) is not var (container, happened))
                return;
            metrics.Happened(container, value.TimeNano);
            queue.Mark(container, happened);
        }
    }

    [LoggerMessage(LogLevel.Information, "Following the containers of {Host}, Docker {Version}")]
    private partial void Connected(string host, string version);

    [LoggerMessage(LogLevel.Warning, "Docker's events cannot be followed, again in {Seconds:0.0} s: {Reason}")]
    private partial void Disconnected(string reason, double seconds);
}
