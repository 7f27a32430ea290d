using System.Threading.Channels;
using Consul;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.LastGood;
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
    IOptions<ProxyOptions> options,
    TimeProvider time,
    ILogger<MeshFollower> log) : BackgroundService
{
    private readonly Channel<News> news = Channel.CreateUnbounded<News>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, IReadOnlyList<Instance>> instances = new(StringComparer.Ordinal);
    private DocumentSet documents = DocumentSet.Empty;
    private LastGoodState? kept;

    /// <summary>Returns with the first snapshot in place: Consul's, or the last good one if Consul does not answer in time.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        kept = lastGood.Read();
        documents = kept?.Documents ?? DocumentSet.Empty;
        await base.StartAsync(cancellationToken);
        try
        {
            await first.Task.WaitAsync(options.Value.ConsulWait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            ServeLastGood();
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

    private void ServeLastGood()
    {
        // The loop may be publishing at this very moment: what Consul said is never replaced by what the disk says.
        lock (snapshots)
        {
            if (snapshots.Current.Origin == SnapshotOrigin.Consul)
                return;
            if (kept is not null)
                snapshots.Publish(SnapshotOrigin.Disk, kept.Documents, kept.Instances);
        }

        if (kept is null)
            NothingKnown();
        else
            ServingLastGood(kept.Documents.Services.Count, kept.SavedAt);
    }

    private async Task FollowDocumentsAsync(CancellationToken ct)
    {
        await foreach (var set in store.WatchAsync(documents, ct))
            news.Writer.TryWrite(new News(set, []));
    }

    private async Task FollowChecksAsync(CancellationToken ct)
    {
        var view = new HealthView([]);
        await foreach (var checks in blocking.FollowAsync(
            "checks", (q, token) => consul.Health.State(HealthStatus.Any, q, token), static (_, _) => false, ct))
        {
            var next = new HealthView(checks);
            news.Writer.TryWrite(new News(null, [.. next.ChangedSince(view)]));
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
            news.Writer.TryWrite(new News(null, [.. changed]));
            before = services;
        }
    }

    // What no watch tells of (a second instance without checks, say) is seen by then.
    private async Task ResyncAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(options.Value.Resync, time);
        while (await timer.WaitForNextTickAsync(ct))
            news.Writer.TryWrite(new News(null, [.. snapshots.Current.Services.Keys]));
    }

    private async Task PublishAsync(CancellationToken ct)
    {
        HashSet<string> due = new(StringComparer.Ordinal);
        var answered = false;
        while (await news.Reader.WaitToReadAsync(ct))
        {
            while (news.Reader.TryRead(out var item))
            {
                answered |= item.Documents is not null;
                documents = item.Documents ?? documents;
                due.UnionWith(item.Services);
            }

            if (!answered)
                continue;
            due.UnionWith(documents.Services.Keys.Where(service => !instances.ContainsKey(service)));
            due.IntersectWith(documents.Services.Keys);
            await ReadAsync(due, ct);
            Publish();
        }
    }

    private void Publish()
    {
        lock (snapshots)
        {
            if (snapshots.Publish(SnapshotOrigin.Consul, documents, instances))
                SnapshotApplied(documents.Services.Count, snapshots.Current.Services.Values.Sum(service => service.Traffic.Length));
        }

        first.TrySetResult();
    }

    private async Task ReadAsync(HashSet<string> due, CancellationToken ct)
    {
        foreach (var gone in instances.Keys.Except(documents.Services.Keys).ToArray())
            instances.Remove(gone);
        foreach (var (service, read) in await reader.ReadAsync(due, ct))
        {
            // The same content keeps the same object: an unchanged service keeps its model.
            if (!instances.TryGetValue(service, out var known) || !known.SequenceEqual(read))
                instances[service] = read;
            due.Remove(service);
        }
    }

    private sealed record News(DocumentSet? Documents, IReadOnlyCollection<string> Services);

    [LoggerMessage(LogLevel.Information, "Applied: {Services} services, {Instances} instances in the traffic")]
    private partial void SnapshotApplied(int services, int instances);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer: serving {Services} services from the last good state of {SavedAt:u}")]
    private partial void ServingLastGood(int services, DateTimeOffset savedAt);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer and there is no last good state: answering 503 until it does")]
    private partial void NothingKnown();
}
