using System.Collections.Concurrent;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Deployer.Delivery;

// Whether a container has ended, whatever Docker has made of it since.
internal sealed partial class ContainerHost
{
    private static readonly TimeSpan BetweenStreams = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ToldWithin = TimeSpan.FromSeconds(1);

    // When each had ended last, as it was when it was first asked about since then.
    private readonly ConcurrentDictionary<(string Id, string Since), string> lastEnds = new();

    /// <summary>The host's own clock, by which its events are dated.</summary>
    public async Task<string> ClockAsync(CancellationToken ct) =>
        EventTime.From((await docker.System.GetSystemInfoAsync(ct)).SystemTime);

    /// <summary>
    /// Ends when one of the containers ends. Docker may have started it again by then, so the event tells how; but Docker keeps its last
    /// 256 events only, and none when it starts anew itself: where the event is gone, the container's own account tells that it ended.
    /// </summary>
    public async Task<ContainerExit> FirstExitAsync(IReadOnlyList<string> ids, string since, CancellationToken ct)
    {
        var exited = new TaskCompletionSource<ContainerExit>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var filters = Filter("container", [.. ids]);
        filters["event"] = new Dictionary<string, bool> { ["die"] = true };
        var events = docker.System.MonitorEventsAsync(
            new ContainerEventsParameters { Since = since, Filters = filters },
            new Progress<Message>(message => exited.TrySetResult(ContainerExit.From(message.Actor))),
            ended.Token);
        var looking = UntoldExitAsync(ids, since, ended.Token);
        try
        {
            if (await Task.WhenAny(exited.Task, events, looking) == looking && await looking is { } untold)
                return untold;
            if (await Task.WhenAny(exited.Task, events) != events)
                return await exited.Task;
            await events;
            ct.ThrowIfCancellationRequested();
            throw new IOException("it ended the stream of its events");
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(events, looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The same however often the stream of events is cut, as it is in hours.</summary>
    /// <param name="ids">The containers' ids.</param>
    /// <param name="since">The host's time from which on an end counts.</param>
    /// <param name="cut">Is told of each cut.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<ContainerExit> FirstExitAsync(IReadOnlyList<string> ids, string since, Action cut, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return await FirstExitAsync(ids, since, ct);
            }
            catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is not null)
            {
                cut();
                await Task.Delay(BetweenStreams, time, ct);
            }
        }
    }

    /// <returns>The first that has ended since it was first asked about, when its event has had the time to come; <c>null</c> for none.</returns>
    private async Task<ContainerExit?> UntoldExitAsync(IReadOnlyList<string> ids, string since, CancellationToken ct)
    {
        foreach (var id in ids)
        {
            if (await ExitAsync(id, since, ct) is not { } exit)
                continue;
            await Task.Delay(ToldWithin, time, ct);
            return exit;
        }

        return null;
    }

    private async Task<ContainerExit?> ExitAsync(string id, string since, CancellationToken ct)
    {
        try
        {
            var container = await InspectAsync(id, ct);
            var end = container.State?.FinishedAt ?? "";
            // Docker forgets with what it ended when it starts it again.
            return lastEnds.GetOrAdd((id, since), end) == end
                ? null
                : new ContainerExit(id, container.Name.TrimStart('/'), container.State is { Running: false, ExitCode: var code } ? $"{code}" : "unknown");
        }
        catch (DockerContainerNotFoundException)
        {
            return new ContainerExit(id, CandidateSpec.Short(id), "unknown");
        }
    }
}
