using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>Holds the current snapshot. One writer replaces it whole; requests read it without a lock.</summary>
internal sealed class SnapshotHolder(TrustedProxies trusted)
{
    private readonly List<Action<Snapshot>> listeners = [];
    private Snapshot current = Snapshot.Empty;
    private TaskCompletionSource next = NewNext();

    public Snapshot Current => Volatile.Read(ref current);

    /// <summary>Ends when there is another snapshot than <paramref name="seen"/>.</summary>
    public Task NextAsync(Snapshot seen)
    {
        // In this order: what is published in between has ended the task or is seen.
        var waiting = Volatile.Read(ref next).Task;
        return ReferenceEquals(Current, seen) ? waiting : Task.CompletedTask;
    }

    /// <summary>Tells <paramref name="listener"/> of each snapshot that follows, on the writer's thread.</summary>
    public void Listen(Action<Snapshot> listener) => listeners.Add(listener);

    /// <summary>Builds the next snapshot and puts it in place; unchanged services keep their models and their counters.</summary>
    /// <returns>Whether anything changed.</returns>
    public bool Publish(SnapshotOrigin origin, MeshView view)
    {
        var before = current;
        var services = view.Documents.Services.Values.ToDictionary(
            stored => stored.Service,
            stored => ServiceModel.Follow(
                before.Services.GetValueOrDefault(stored.Service), stored, view.Instances.GetValueOrDefault(stored.Service) ?? []),
            StringComparer.Ordinal);
        var changed = origin != before.Origin
            || !ReferenceEquals(view.Documents, before.Documents)
            || !ReferenceEquals(view.Held, before.Held)
            || services.Any(service => !ReferenceEquals(service.Value, before.Services.GetValueOrDefault(service.Key)));
        if (!changed)
            return false;

        var routes = ReferenceEquals(view.Documents, before.Documents)
            ? before.Routes
            : before.Routes.Follow(services.Values.Select(service => service.Stored.Document).OfType<ServiceDocument>(), trusted);
        var snapshot = new Snapshot(origin, view.Documents, services, routes, view.Held);
        Interlocked.Exchange(ref current, snapshot);
        Interlocked.Exchange(ref next, NewNext()).SetResult();
        // What changed may have more places than before.
        foreach (var service in services.Values)
            service.State.Line.CallAll();
        foreach (var listener in listeners)
            listener(snapshot);
        return true;
    }

    private static TaskCompletionSource NewNext() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
