using System.Collections.Frozen;
using Consul;

namespace ServiceMesh.Store;

/// <summary>All service documents at one moment. Immutable.</summary>
public sealed class DocumentSet
{
    /// <summary>No documents.</summary>
    public static DocumentSet Empty { get; } = new(FrozenDictionary<string, StoredDocument>.Empty);

    private DocumentSet(FrozenDictionary<string, StoredDocument> services) => Services = services;

    /// <summary>The documents by service name; a faulty one is among them with its fault.</summary>
    public FrozenDictionary<string, StoredDocument> Services { get; }

    /// <summary>The sound document of <paramref name="service"/>; <c>null</c> if there is none.</summary>
    public ServiceDocument? Find(string service) => Services.GetValueOrDefault(service)?.Document;

    /// <summary>A set of the given documents, such as one kept on disk.</summary>
    public static DocumentSet Of(IEnumerable<StoredDocument> documents) =>
        new(documents.ToFrozenDictionary(document => document.Service));

    /// <summary>
    /// The set after Consul answered <paramref name="pairs"/>. A document that cannot be read is set aside alone: the last
    /// sound one of that service stays, with the fault beside it. A service whose key is gone is gone.
    /// </summary>
    public DocumentSet Follow(IEnumerable<KVPair> pairs)
    {
        var services = new Dictionary<string, StoredDocument>(StringComparer.Ordinal);
        foreach (var pair in pairs)
        {
            if (MeshKeys.ServiceOf(pair.Key) is { Length: > 0 } service)
                services[service] = Read(service, pair, Services.GetValueOrDefault(service));
        }

        return new DocumentSet(services.ToFrozenDictionary());
    }

    internal static StoredDocument Read(string service, KVPair pair, StoredDocument? before)
    {
        if (before is { Fault: null } && before.Index == pair.ModifyIndex)
            return before;
        var fault = DocumentFormat.TryRead(service, pair.Value, out var document);
        return fault is null
            ? new StoredDocument(service, document, pair.ModifyIndex, Fault: null)
            : new StoredDocument(service, before?.Document, before?.Index ?? 0, fault);
    }
}
