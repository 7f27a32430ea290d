using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// What Consul told until now: documents and instances come apart, and belong together. Until each service's instances were
/// asked for once, what was known from the disk stays in effect; and a new service's document waits for its instances.
/// </summary>
internal sealed class ToldByConsul
{
    private readonly Dictionary<string, IReadOnlyList<Instance>> instances = new(StringComparer.Ordinal);
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);
    private DocumentSet? told;

    /// <summary>The documents in effect, as far as Consul goes.</summary>
    public DocumentSet Documents { get; private set; } = DocumentSet.Empty;

    /// <summary>The instances by service.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Instance>> Instances => instances;

    /// <summary>Whether Consul told of everything once.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Begins with what was known before Consul was asked.</summary>
    public void BeginWith(DocumentSet documents, IReadOnlyDictionary<string, IReadOnlyList<Instance>> known)
    {
        Documents = documents;
        foreach (var (service, its) in known)
            instances[service] = its;
    }

    /// <returns>The services whose instances must be asked for.</returns>
    public IReadOnlyCollection<string> Take(DocumentSet documents)
    {
        var before = told;
        told = documents;
        Apply();
        return [.. documents.Services.Values.Where(stored => !asked.Contains(stored.Service) || IsUnknown(before, stored)).Select(stored => stored.Service)];
    }

    public void Take(InstancesTold news)
    {
        foreach (var (service, read) in news.Told)
        {
            // The same content keeps the same object: an unchanged service keeps its model.
            if (!instances.TryGetValue(service, out var known) || !known.SequenceEqual(read))
                instances[service] = read;
        }

        var hasNew = false;
        foreach (var service in news.Asked)
            hasNew |= asked.Add(service);
        if (hasNew)
            Apply();
    }

    /// <summary>Forgets the instances of services that nobody follows any more.</summary>
    public void Forget(Func<string, bool> isInEffect)
    {
        if (told is null || instances.Count <= told.Services.Count)
            return;
        foreach (var gone in instances.Keys.Where(service => !told.Services.ContainsKey(service) && !isInEffect(service)).ToArray())
        {
            instances.Remove(gone);
            asked.Remove(gone);
        }
    }

    // A changed document names a release that no known instance belongs to: the catalog may know of one already.
    private bool IsUnknown(DocumentSet? before, StoredDocument stored) =>
        stored.Document?.Active is { } active
        && !ReferenceEquals(before?.Services.GetValueOrDefault(stored.Service), stored)
        && instances.TryGetValue(stored.Service, out var known)
        && known.All(instance => instance.Deployment != active.Deployment);

    private void Apply()
    {
        if (told is null)
            return;
        var waiting = told.Services.Keys.Where(service => !asked.Contains(service)).ToHashSet(StringComparer.Ordinal);
        IsComplete |= waiting.Count == 0;
        if (IsComplete)
            Documents = waiting.Count == 0 ? told : DocumentSet.Of(told.Services.Values.Where(stored => !waiting.Contains(stored.Service)));
    }
}
