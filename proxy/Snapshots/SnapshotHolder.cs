using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>Holds the current snapshot. One writer replaces it whole; requests read it without a lock.</summary>
internal sealed class SnapshotHolder(TrustedProxies trusted)
{
    private readonly List<Action<Snapshot>> listeners = [];
    private Snapshot current = Snapshot.Empty;

    public Snapshot Current => Volatile.Read(ref current);

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
        var next = new Snapshot(origin, view.Documents, services, routes, view.Held);
        Interlocked.Exchange(ref current, next);
        foreach (var listener in listeners)
            listener(next);
        return true;
    }
}
