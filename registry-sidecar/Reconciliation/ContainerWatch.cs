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
/// moment before the subscription by Docker's own clock, so that no event falls between the two; after a break, since the last
/// event that came, because no list tells of a signal that was sent meanwhile.
/// </summary>
internal sealed partial class ContainerWatch(
    SidecarOptions options, WorkQueue queue, SidecarMetrics metrics, TimeProvider time, ILogger<ContainerWatch> log) : BackgroundService
{
    private const long NanosecondsPerSecond = TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;

    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private DockerClient? current;
    private long? next;
    private string? silence;

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
            // Only news: an hour without Docker is one line, not hundreds.
            if (reason != silence)
                Disconnected(ForeignText.Shown(reason), delay.TotalSeconds);
            silence = reason;
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
            var (engine, info) = await ConnectAsync(ct);
            // The reconciler asks by it until it has the new one.
            using var former = Interlocked.Exchange(ref current, engine);
            var stream = engine.System.MonitorEventsAsync(Subscription(info.SystemTime), new Marker(Take), ct);
            silence = null;
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

    // Connected anew each time: the Engine that comes back may be another version.
    private async Task<(DockerClient Engine, SystemInfoResponse Info)> ConnectAsync(CancellationToken ct)
    {
        var engine = await DockerEngine.ConnectAsync(options.DockerHost, ct);
        try
        {
            return (engine, await engine.System.GetSystemInfoAsync(ct));
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>From when on Docker is to tell its events, in its own time; <c>null</c> for from now on.</summary>
    /// <param name="next">The first nanosecond since 1970 after the last event that came, or of the first subscription; <c>null</c> before that.</param>
    /// <param name="dockersClock">Docker's clock now.</param>
    internal static long? Since(long? next, string dockersClock)
    {
        if (!DateTimeOffset.TryParse(dockersClock, CultureInfo.InvariantCulture, out var clock))
            return next;
        var now = (clock - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        // A signal that is longer ago than a farewell is obeyed by now, or not at all. And Docker's clock may have been set back.
        return next is { } after && after <= now ? Math.Max(after, now - Nanoseconds(ContainerCache.LeastFarewell)) : now - Nanoseconds(Moment);
    }

    private ContainerEventsParameters Subscription(string dockersClock)
    {
        next = Since(next, dockersClock);
        return new ContainerEventsParameters
        {
            Since = next is { } since ? $"{since / NanosecondsPerSecond}.{since % NanosecondsPerSecond:d9}" : null,
            Filters = ContainerEvents.Filter,
        };
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    private void Take(Message message)
    {
        if (message.TimeNano is { } came)
            next = came + 1;
        if (ContainerEvents.Read(message) is not var (container, happened))
            return;
        metrics.Happened(container, message.TimeNano);
        queue.Mark(container, happened);
    }

    // Right where an event arrives; .NET's own goes over the thread pool.
    private sealed class Marker(Action<Message> take) : IProgress<Message>
    {
        public void Report(Message value) => take(value);
    }

    [LoggerMessage(LogLevel.Information, "Following the containers of {Host}, Docker {Version}")]
    private partial void Connected(string host, string version);

    [LoggerMessage(LogLevel.Warning, "Docker's events cannot be followed, again in {Seconds:0.0} s and then until it succeeds: {Reason}")]
    private partial void Disconnected(string reason, double seconds);
}
