using System.Threading.Channels;
using Consul;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// Follows Consul: documents, checks, catalog. Whatever wakes it becomes one kind of news, and one loop turns all news at
/// hand into the next snapshot. A promotion needs no request to Consul then: the instances of every stage are known already.
/// </summary>
internal sealed partial class MeshFollower(
    MeshStore store,
    IConsulClient consul,
    BlockingQuery blocking,
    InstanceReader reader,
    SnapshotHolder snapshots,
    LastGoodFile lastGood,
    ProxyMeter meter,
    IOptions<ProxyOptions> options,
    TimeProvider time,
    ILogger<MeshFollower> log) : BackgroundService
{
    private readonly Channel<News> news = Channel.CreateUnbounded<News>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, IReadOnlyList<Instance>> instances = new(StringComparer.Ordinal);
    private readonly LossGuard guard = new(options.Value.LossShare, options.Value.LossHold);
    private DocumentSet documents = DocumentSet.Empty;

    /// <summary>Returns with the first snapshot in place: Consul's, or the last good one if Consul does not answer in time.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // In place even where Consul answers at once: what Consul lost since then is a loss, too.
        var kept = lastGood.Read();
        if (kept is not null)
            BeginWith(kept);
        await base.StartAsync(cancellationToken);
        try
        {
            await first.Task.WaitAsync(options.Value.ConsulWait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            if (kept is null)
                NothingKnown();
            else
                ServingLastGood(kept.Documents.Services.Count, kept.SavedAt);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Each loop ends only by the stop, or by a bug: then the first to fail stops the process.
        var ended = await Task.WhenAny(
            FollowDocumentsAsync(stoppingToken),
            FollowChecksAsync(stoppingToken),
            FollowCatalogAsync(stoppingToken),
            ResyncAsync(stoppingToken),
            PublishAsync(stoppingToken));
        await ended;
    }

    private void BeginWith(LastGoodState kept)
    {
        documents = kept.Documents;
        foreach (var (service, known) in kept.Instances)
            instances[service] = known;
        snapshots.Publish(SnapshotOrigin.Disk, new MeshView(kept.Documents, kept.Instances, MeshView.NothingHeld));
    }

    private async Task FollowDocumentsAsync(CancellationToken ct)
    {
        await foreach (var set in store.WatchAsync(documents, ct))
            Tell(set, []);
    }

    private async Task FollowChecksAsync(CancellationToken ct)
    {
        var view = new HealthView([]);
        await foreach (var checks in blocking.FollowAsync(
            "checks", (q, token) => consul.Health.State(HealthStatus.Any, q, token), static (_, _) => false, ct))
        {
            var next = new HealthView(checks);
            Tell(null, [.. next.ChangedSince(view)]);
            view = next;
        }
    }

    // Instances without any check are in no health answer; a change of a service's tags is told here at least.
    private async Task FollowCatalogAsync(CancellationToken ct)
    {
        Dictionary<string, string[]> before = [];
        await foreach (var services in blocking.FollowAsync(
            "catalog", (q, token) => consul.Catalog.Services(q, token), static (_, _) => false, ct))
        {
            var changed = services.Keys.Union(before.Keys)
                .Where(name => !(services.GetValueOrDefault(name) ?? []).ToHashSet().SetEquals(before.GetValueOrDefault(name) ?? []));
            Tell(null, [.. changed]);
            before = services;
        }
    }

    // What no watch tells of (a second instance without checks, say) is seen by then.
    private async Task ResyncAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(options.Value.Resync, time);
        while (await timer.WaitForNextTickAsync(ct))
            Tell(null, [.. snapshots.Current.Services.Keys]);
    }

    private void Tell(DocumentSet? set, IReadOnlyCollection<string> services) =>
        news.Writer.TryWrite(new News(set, services, time.GetTimestamp()));

    private async Task PublishAsync(CancellationToken ct)
    {
        // What is known from the disk is read again, and stays where it cannot be.
        HashSet<string> due = new(instances.Keys, StringComparer.Ordinal);
        await using var holdEnds = time.CreateTimer(
            _ => Tell(null, []), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var answered = false;
        long? oldest = null;
        while (await news.Reader.WaitToReadAsync(ct))
        {
            while (news.Reader.TryRead(out var item))
            {
                answered |= item.Documents is not null;
                documents = item.Documents ?? documents;
                due.UnionWith(item.Services);
                oldest ??= item.Came;
            }

            if (!answered)
                continue;
            await ReadAsync(due, ct);
            holdEnds.Change(Publish(time.GetUtcNow(), oldest), Timeout.InfiniteTimeSpan);
            oldest = null;
        }
    }

    /// <param name="now">The time.</param>
    /// <param name="since">When the oldest news came that are applied now, by the clock of <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <returns>When to publish again even if there is no news until then.</returns>
    private TimeSpan Publish(DateTimeOffset now, long? since)
    {
        var before = snapshots.Current;
        if (snapshots.Publish(SnapshotOrigin.Consul, guard.Rule(before, documents, instances, now)))
        {
            if (since is { } came)
                meter.Lag.Add(time.GetElapsedTime(came));
            SnapshotApplied(snapshots.Current.Services.Count, snapshots.Current.Services.Values.Sum(service => service.Traffic.Length));
        }

        first.TrySetResult();
        TellOfLoss(before, snapshots.Current);

        var held = snapshots.Current.Held;
        return held.Count == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling((held.Values.Min() - now).TotalMilliseconds));
    }

    private void TellOfLoss(Snapshot before, Snapshot after)
    {
        if (before.Held.Count == 0 && after.Held.Count > 0)
        {
            LossHeld(
                after.Held.Count,
                before.Services.Values.Count(service => service.Traffic.Length > 0),
                string.Join(", ", after.Held.Keys.Order(StringComparer.Ordinal).Take(5)),
                after.Held.Values.Max());
        }
        else if (before.Held.Count > 0 && after.Held.Count == 0)
        {
            var back = before.Held.Keys.Count(service => after.Services.GetValueOrDefault(service) is { Traffic.Length: > 0 });
            LossOver(back, before.Held.Count - back);
        }
    }

    private async Task ReadAsync(HashSet<string> due, CancellationToken ct)
    {
        // Those in effect, too: one whose document is gone may be held back, and goes on by what its instances do.
        var followed = documents.Services.Keys.Union(snapshots.Current.Services.Keys).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in instances.Keys.Except(followed).ToArray())
            instances.Remove(gone);
        due.UnionWith(followed.Where(service => !instances.ContainsKey(service)));
        due.IntersectWith(followed);
        foreach (var (service, read) in await reader.ReadAsync(due, ct))
        {
            // The same content keeps the same object: an unchanged service keeps its model.
            if (!instances.TryGetValue(service, out var known) || !known.SequenceEqual(read))
                instances[service] = read;
            due.Remove(service);
        }
    }

    private sealed record News(DocumentSet? Documents, IReadOnlyCollection<string> Services, long Came);

    [LoggerMessage(LogLevel.Information, "Applied: {Services} services, {Instances} instances in the traffic")]
    private partial void SnapshotApplied(int services, int instances);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer: serving {Services} services from the last good state of {SavedAt:u}")]
    private partial void ServingLastGood(int services, DateTimeOffset savedAt);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer and there is no last good state: answering 503 until it does")]
    private partial void NothingKnown();

    [LoggerMessage(LogLevel.Error, "Consul lost {Lost} of {Served} services at once, {Names} among them: their last known state stays in effect until {Until:u} unless they are back before")]
    private partial void LossHeld(int lost, int served, string names, DateTimeOffset until);

    [LoggerMessage(LogLevel.Warning, "The loss is over: of the services held to the last {Back} are back, {Gone} are gone for good")]
    private partial void LossOver(int back, int gone);
}
