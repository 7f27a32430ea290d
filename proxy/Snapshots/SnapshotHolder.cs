using System.Collections.Concurrent;
using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>Holds the current snapshot. One writer replaces it whole; requests read it without a lock.</summary>
internal sealed class SnapshotHolder(TrustedProxies trusted)
{
    private readonly List<Action<Snapshot>> listeners = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource> awaited = new(StringComparer.Ordinal);
    private Snapshot current = Snapshot.Empty;

    public Snapshot Current => Volatile.Read(ref current);

    /// <summary>
    /// Ends when the service is another, or the routes are. To be had before a look at <see cref="Current"/>: what is published in
    /// between has ended it or is seen.
    /// </summary>
    public Task ChangeAsync(string service) => awaited.GetOrAdd(service, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Tells <paramref name="listener"/> of each snapshot that follows, on the writer's thread.</summary>
    public void Listen(Action<Snapshot> listener) => listeners.Add(listener);

    /// <summary>Builds the next snapshot and puts it in place; unchanged services keep their models and their counters.</summary>
    /// <returns>What is another than before.</returns>
    public Publication Publish(SnapshotOrigin origin, MeshView view, Moment moment)
    {
        var before = current;
        var services = new Dictionary<string, ServiceModel>(view.Documents.Services.Count, StringComparer.Ordinal);
        List<ServiceChange> changes = [];
        foreach (var stored in view.Documents.Services.Values)
        {
            var known = before.Services.GetValueOrDefault(stored.Service);
            var model = ServiceModel.Follow(known, stored, view.Instances.GetValueOrDefault(stored.Service) ?? [], moment);
            services.Add(stored.Service, model);
            if (!ReferenceEquals(model, known))
                changes.Add(new ServiceChange(stored.Service, known, model));
        }

        foreach (var known in before.Services.Values.Where(known => !view.Documents.Services.ContainsKey(known.Stored.Service)))
        {
            var model = known.Removed(moment);
            if (model is not null)
                services.Add(known.Stored.Service, model);
            if (!ReferenceEquals(model, known))
                changes.Add(new ServiceChange(known.Stored.Service, known, model));
        }

        if (changes.Count == 0 && origin == before.Origin && ReferenceEquals(view.Documents, before.Documents) && ReferenceEquals(view.Held, before.Held))
            return new Publication(IsNew: false, []);

        // A document may come into effect long after it was told of.
        var routes = changes.TrueForAll(change => ReferenceEquals(change.Before?.Stored, change.After?.Stored))
            ? before.Routes
            : before.Routes.Follow(services.Values.Select(service => service.Stored.Document).OfType<ServiceDocument>(), trusted);
        var snapshot = new Snapshot(origin, view.Documents, services, routes, view.Held);
        Interlocked.Exchange(ref current, snapshot);
        // Thousands may be held: none of them is woken by what is not its own.
        foreach (var service in ReferenceEquals(routes, before.Routes) ? changes.Select(change => change.Service) : awaited.Keys)
        {
            if (awaited.TryRemove(service, out var change))
                change.SetResult();
        }

        // What changed may have more places than before.
        foreach (var change in changes)
            change.After?.State.Line.CallAll();
        foreach (var listener in listeners)
            listener(snapshot);
        return new Publication(IsNew: true, changes);
    }
}

/// <summary>What came of publishing.</summary>
/// <param name="IsNew">Whether there is a new snapshot.</param>
/// <param name="Changes">The services that are others in it.</param>
internal sealed record Publication(bool IsNew, IReadOnlyList<ServiceChange> Changes)
{
    /// <summary>Whether anything is in effect that was not: all that is new may be waited for.</summary>
    public bool IsInEffect => IsNew && (Changes.Count == 0 || Changes.Any(change => change.IsInEffect));

    /// <summary>When the oldest came of what is in effect now; <paramref name="came"/> is when what led to it did.</summary>
    public long? Came(long? came) => Changes.Select(change => change.WaitedSince).Append(came).Min();
}

/// <summary>A service that changed; <c>null</c> before for a new one, after for one that is gone.</summary>
internal sealed record ServiceChange(string Service, ServiceModel? Before, ServiceModel? After)
{
    /// <summary>Whether it is more than a promotion that is waited for.</summary>
    public bool IsInEffect => Before is null || After?.WaitsUntil is null || !ReferenceEquals(Before.Stored, After.Stored)
        || !Before.Members.SequenceEqual(After.Members) || !Before.Gone.SequenceEqual(After.Gone);

    /// <summary>When the promotion came that was waited for and is in effect now; <c>null</c> if none is.</summary>
    public long? WaitedSince => Before is not null && After is { WaitsUntil: null } && Promotion.AreOfOneRelease(Before.Told, After.Stored) ? Before.WaitsSince : null;
}
