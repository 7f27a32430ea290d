using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// What Consul told until now: documents and instances come apart, and belong together. A document waits until Consul has told
/// of its service's instances once; what was known of the service before, from the disk, stays in effect meanwhile. Until each
/// was asked for, and some were told of, all of that stays.
/// </summary>
internal sealed class ToldByConsul
{
    private readonly Dictionary<string, IReadOnlyList<Instance>> instances = new(StringComparer.Ordinal);
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> read = new(StringComparer.Ordinal);
    private DocumentSet? told;

    /// <summary>The documents in effect, as far as Consul goes.</summary>
    public DocumentSet Documents { get; private set; } = DocumentSet.Empty;

    /// <summary>The instances by service.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Instance>> Instances => instances;

    /// <summary>Whether Consul was asked for everything once, and does answer.</summary>
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
        // A registry that lost a document, or fell back, may have lost instances, too: what was read before is no word of it.
        foreach (var was in before?.Services.Values ?? [])
        {
            if (!documents.Services.TryGetValue(was.Service, out var now) || now.Index < was.Index)
                read.Remove(was.Service);
        }

        Apply();
        return [.. documents.Services.Values.Where(stored => !read.Contains(stored.Service) || IsUnknown(before, stored)).Select(stored => stored.Service)];
    }

    public void Take(InstancesTold news)
    {
        var hasNew = false;
        foreach (var (service, its) in news.Told)
        {
            // The same content keeps the same object: an unchanged service keeps its model.
            if (!instances.TryGetValue(service, out var known) || !known.SequenceEqual(its))
                instances[service] = its;
            hasNew |= read.Add(service);
        }

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
            read.Remove(gone);
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
        var isRead = told.Services.Keys.All(read.Contains);
        IsComplete |= isRead || (read.Count > 0 && told.Services.Keys.All(asked.Contains));
        if (IsComplete)
        {
            Documents = isRead
                ? told
                : DocumentSet.Of(told.Services.Values
                    .Select(stored => read.Contains(stored.Service) ? stored : Documents.Services.GetValueOrDefault(stored.Service))
                    .OfType<StoredDocument>());
        }
    }
}
