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
/// Follows Docker's events for as long as the sidecar runs. It subscribes before anything is listed, so that no event falls between
/// the two, and before that asks for those of before, by Docker's own clock: at the first time for as many as may matter, after a break
/// since the last one that came, because no list tells of a signal that was sent meanwhile.
/// </summary>
internal sealed partial class ContainerWatch(
    SidecarOptions options, WorkQueue queue, SidecarMetrics metrics, TimeProvider time, ILogger<ContainerWatch> log) : BackgroundService
{
    private const long NanosecondsPerSecond = TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;

    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private DockerClient? current;
    private long? next;
    // Docker's clock at the first subscription and at the newest.
    private long? began;
    private long? subscribed;
    private string? silence;
    private bool isConnected;
    // An Engine that is connected to and tells no events, as behind a filter that refuses them, is told of once.
    private bool wasBrief;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failures = 0;
        while (true)
        {
            var begun = time.GetTimestamp();
            isConnected = false;
            var reason = await FollowAsync(stoppingToken);
            metrics.DockerLost();
            stoppingToken.ThrowIfCancellationRequested();
            var wasStable = time.GetElapsedTime(begun) > Stable;
            wasBrief = isConnected && !wasStable;
            failures = wasStable ? 1 : failures + 1;
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
            subscribed = Nanoseconds(info.SystemTime);
            began ??= subscribed;
            next = Since(next, info.SystemTime);
            var before = await BeforeAsync(engine, ct);
            isConnected = true;
            metrics.DockerConnected();
            if (!wasBrief)
                Tell(info);
            queue.Connected(new EngineConnection(engine, info.Name), [.. before.Select(Read).OfType<(string, Happened)>()]);
            // After that, or what happened before would be noted behind what happened since. Nothing is missed: Docker repeats what came meanwhile.
            var stream = engine.System.MonitorEventsAsync(Events(next, until: null), new Marker(Take), ct);
            if (wasBrief && await Task.WhenAny(stream, Task.Delay(Stable, time, ct)) != stream)
                Tell(info);
            await stream;
            return "the event stream ended";
        }
        catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            return DockerFailure.Describe(error);
        }
    }

    private void Tell(SystemInfoResponse info)
    {
        silence = null;
        Connected(info.Name, info.ServerVersion);
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
    /// <param name="next">The first nanosecond since 1970 after the last event that came, or from which on the first subscription asked; <c>null</c> before that.</param>
    /// <param name="dockersClock">Docker's clock now.</param>
    internal static long? Since(long? next, string dockersClock)
    {
        if (Nanoseconds(dockersClock) is not { } now)
            return next;
        // A signal that is longer ago than a farewell is obeyed by now, or not at all.
        var farewell = now - Nanoseconds(ContainerCache.LeastFarewell);
        return next is not { } after ? farewell
            : after <= now ? Math.Max(after, farewell)
            // Docker's clock was set back.
            : now - Nanoseconds(Moment);
    }

    /// <summary>How long before the subscription an event happened, by Docker's own clock; not at all where Docker tells no time.</summary>
    internal static TimeSpan AgeOf(long? happened, long? subscribed) =>
        happened < subscribed ? TimeSpan.FromTicks((subscribed.Value - happened.Value) / TimeSpan.NanosecondsPerTick) : TimeSpan.Zero;

    /// <summary>What an event tells of which container, a death with its age at the subscription; <c>null</c> for nothing.</summary>
    internal static (string Container, Happened Happened)? Aged(Message message, long? subscribed) =>
        ContainerEvents.Read(message) is not var (container, happened) ? null
        : (container, happened with { Death = happened.Death is { } death ? death with { Age = AgeOf(message.TimeNano, subscribed) } : null });

    /// <summary>
    /// What happened before the subscription. It is known before anything is compared, or who was told to end would come back for a moment.
    /// Where Docker does not say in time it is not waited for: the same comes with the stream.
    /// </summary>
    private async Task<IReadOnlyList<Message>> BeforeAsync(DockerClient engine, CancellationToken ct)
    {
        if (subscribed is not { } now || next is not { } since)
            return [];
        var told = new List<Message>();
        using var late = new CancellationTokenSource(Inspections.Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            await engine.System.MonitorEventsAsync(Events(since, until: now), new Marker(told.Add), either.Token);
        }
        catch (Exception) when (!ct.IsCancellationRequested)
        {
            return [];
        }

        // Docker notes an event a little after the time that it bears.
        next = Math.Max(since, now - Nanoseconds(Moment));
        return told;
    }

    private static ContainerEventsParameters Events(long? since, long? until) =>
        new() { Since = Seconds(since), Until = Seconds(until), Filters = ContainerEvents.Filter };

    private static string? Seconds(long? nanoseconds) =>
        nanoseconds is { } at ? $"{at / NanosecondsPerSecond}.{at % NanosecondsPerSecond:d9}" : null;

    private static long Nanoseconds(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    private static long? Nanoseconds(string dockersClock) =>
        DateTimeOffset.TryParse(dockersClock, CultureInfo.InvariantCulture, out var clock) ? Nanoseconds(clock - DateTimeOffset.UnixEpoch) : null;

    private void Take(Message message)
    {
        if (message.TimeNano is { } came)
            next = came + 1;
        if (Read(message) is var (container, happened))
            queue.Mark(container, happened);
    }

    private (string Container, Happened Happened)? Read(Message message)
    {
        var read = Aged(message, subscribed);
        // What happened before the sidecar began is no lag of its.
        if (read is not null && !(message.TimeNano < began))
            metrics.Happened(read.Value.Container, message.TimeNano);
        return read;
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
