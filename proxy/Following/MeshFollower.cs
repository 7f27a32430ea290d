using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// The one loop that makes snapshots. Whatever Consul tells, whatever this proxy finds out of its instances and whatever a
/// time brings is one kind of news, and all news at hand become the next snapshot. A promotion needs no request to Consul
/// then: the instances of every stage are known already.
/// </summary>
internal sealed partial class MeshFollower(
    MeshStore store,
    MeshNews news,
    InstanceFollower instances,
    Keys keys,
    Prober prober,
    SnapshotHolder snapshots,
    LastGoodFile lastGood,
    ProxyMeter meter,
    IOptions<ProxyOptions> options,
    TimeProvider time,
    ILogger<MeshFollower> log) : HostedLoop
{
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(100);

    private readonly TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly LossGuard guard = new(options.Value.LossShare, options.Value.LossHold);
    private readonly ToldByConsul told = new();
    private readonly WakeList wakes = new();
    private Task drains = Task.CompletedTask;
    private readonly (DateTimeOffset Wall, long Timestamp) started = (time.GetUtcNow(), time.GetTimestamp());

    // A clock that is set must neither lengthen nor shorten anything.
    private DateTimeOffset Now => started.Wall + time.GetElapsedTime(started.Timestamp);

    /// <summary>Obeys the losses that are held back now: they are no mistake.</summary>
    /// <returns>The services that are lost by it.</returns>
    public IReadOnlyCollection<string> ConfirmLoss()
    {
        var held = snapshots.Current.Held.Keys;
        if (held.Length > 0)
            news.LossConfirmed(held);
        return held;
    }

    /// <summary>Returns with the first snapshot and the keys in place: Consul's, or the last good ones if Consul does not answer in time.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // In place even where Consul answers at once: what Consul lost since then is a loss, too.
        var kept = lastGood.Read();
        if (kept is not null)
        {
            told.BeginWith(kept.Documents, kept.Instances);
            news.TimeHasCome();
            Publish(SnapshotOrigin.Disk, new MeshView(kept.Documents, kept.Instances, MeshView.NothingHeld), new Moment(Now));
        }

        await base.StartAsync(cancellationToken);
        try
        {
            await Task.WhenAll(first.Task, keys.Told).WaitAsync(options.Value.ConsulWait, time, cancellationToken);
        }
        catch (TimeoutException) when (first.Task.IsCompleted)
        {
            KeysUnknown();
        }
        catch (TimeoutException)
        {
            if (kept is null)
                NothingKnown();
            else
                ServingLastGood(kept.Documents.Services.Count, kept.SavedAt);
        }
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Each loop ends only by the stop, or by a bug: then the first to fail stops the process.
            await await Task.WhenAny(
                [FollowDocumentsAsync(stoppingToken), ApplyAsync(stoppingToken), prober.Broken, .. instances.Run(stoppingToken)]);
        }
        finally
        {
            await prober.StopAsync();
            await drains;
        }
    }

    private async Task FollowDocumentsAsync(CancellationToken ct)
    {
        await foreach (var set in store.WatchAsync(told.Documents, ct))
            news.Documents(set);
    }

    private async Task ApplyAsync(CancellationToken ct)
    {
        await using var timer = time.CreateTimer(_ => news.TimeHasCome(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        while (await news.WaitAsync(ct))
        {
            var now = Now;
            var touched = wakes.Take(now).ToDictionary(service => service, _ => new List<HealthFinding>(), StringComparer.Ordinal);
            HashSet<string> confirmed = new(StringComparer.Ordinal);
            long? oldest = null;
            while (news.TryTake(out var item))
            {
                oldest ??= item.Came;
                Take(item, touched, confirmed);
            }

            var began = time.GetTimestamp();
            Apply(new Moment(now, touched, oldest), confirmed);
            timer.Change(UntilNext(Now), Timeout.InfiniteTimeSpan);
            // Where one change waits behind the other, requests have half of the processor. No longer than that: whoever was frozen has been so for long enough.
            if (news.IsThere && time.GetElapsedTime(began) is var took)
                await Task.Delay(took < LongestRest ? took : LongestRest, time, ct);
        }
    }

    private void Take(News item, Dictionary<string, List<HealthFinding>> touched, HashSet<string> confirmed)
    {
        switch (item)
        {
            case DocumentsTold documents:
                instances.Follow(documents.Documents);
                instances.Ask(told.Take(documents.Documents));
                break;
            case InstancesTold read:
                told.Take(read);
                break;
            case HealthFound found:
                if (!touched.TryGetValue(found.Service, out var findings))
                    touched[found.Service] = findings = [];
                findings.Add(found.Finding);
                break;
            case LossConfirmed confirmation:
                confirmed.UnionWith(confirmation.Services);
                break;
        }
    }

    private void Apply(Moment moment, HashSet<string> confirmed)
    {
        var before = snapshots.Current;
        var view = guard.Rule(before, told.Documents, told.Instances, moment.Now, confirmed);
        var publication = Publish(told.IsComplete ? SnapshotOrigin.Consul : before.Origin, view, moment);
        if (told.IsComplete)
        {
            first.TrySetResult();
            told.Forget(snapshots.Current.Services.ContainsKey);
        }

        if (publication.IsNew)
            TellOfLoss(before, snapshots.Current);
        foreach (var service in moment.Touched!.Keys)
            wakes.Set(service, snapshots.Current.Services.GetValueOrDefault(service)?.ChangesAt(moment.Now));
        foreach (var service in moment.Touched.Keys.Union(publication.Changes.Select(change => change.Service)))
            drains = Task.WhenAll(drains, EndDrainAsync(service, before, snapshots.Current, moment.Now));
    }

    // Beside the snapshots: what comes of the end of a request holds up no change.
    private async Task EndDrainAsync(string service, Snapshot before, Snapshot after, DateTimeOffset now)
    {
        try
        {
            await Drain.EndAsync(before.Services.GetValueOrDefault(service), after.Services.GetValueOrDefault(service), now);
        }
        catch (AggregateException error)
        {
            DrainFailed(service, error.Message);
        }
    }

    private Publication Publish(SnapshotOrigin origin, MeshView view, Moment moment)
    {
        var publication = snapshots.Publish(origin, view, moment);
        meter.Published(publication, moment.Came);
        foreach (var change in publication.Changes)
        {
            wakes.Set(change.Service, change.After?.ChangesAt(moment.Now));
            prober.Follow(change);
        }

        if (publication.IsNew && origin == SnapshotOrigin.Consul)
            SnapshotApplied(snapshots.Current.Services.Count, publication.Changes.Count);
        return publication;
    }

    private TimeSpan UntilNext(DateTimeOffset now)
    {
        var held = snapshots.Current.Held;
        DateTimeOffset?[] times = [wakes.Next, held.Count == 0 ? null : held.Values.Min()];
        return times.Min() is { } next ? TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling((next - now).TotalMilliseconds))) : Timeout.InfiniteTimeSpan;
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

    [LoggerMessage(LogLevel.Information, "Applied: {Services} services, {Changed} of them changed")]
    private partial void SnapshotApplied(int services, int changed);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer: serving {Services} services from the last good state of {SavedAt:u}")]
    private partial void ServingLastGood(int services, DateTimeOffset savedAt);

    [LoggerMessage(LogLevel.Warning, "Consul does not answer and there is no last good state: answering 503 until it does")]
    private partial void NothingKnown();

    [LoggerMessage(LogLevel.Warning, "Consul tells of no keys yet: cookies and candidate passes are checked by those that are known, until it does")]
    private partial void KeysUnknown();

    [LoggerMessage(LogLevel.Error, "Consul lost {Lost} of {Served} services at once, {Names} among them: their last known state stays in effect until {Until:u} unless they are back before")]
    private partial void LossHeld(int lost, int served, string names, DateTimeOffset until);

    [LoggerMessage(LogLevel.Error, "The requests of an instance of {Service} that was drained did not end well: {Reason}")]
    private partial void DrainFailed(string service, string reason);

    [LoggerMessage(LogLevel.Warning, "The loss is over: of the services held to the last {Back} are back, {Gone} are gone for good")]
    private partial void LossOver(int back, int gone);
}
