using System.Collections.Frozen;
using Consul;

namespace ServiceMesh.Store;

/// <summary>All service documents at one moment. Immutable.</summary>
public sealed class DocumentSet
{
    private static readonly Dictionary<string, KVPair> NothingRead = new(StringComparer.Ordinal);

    // What stood in Consul, so that what still stands there need not be read again.
    private readonly Dictionary<string, KVPair> pairs;

    /// <summary>No documents.</summary>
    public static DocumentSet Empty { get; } = new(FrozenDictionary<string, StoredDocument>.Empty, NothingRead);

    private DocumentSet(IReadOnlyDictionary<string, StoredDocument> services, Dictionary<string, KVPair> pairs) =>
        (Services, this.pairs) = (services, pairs);

    /// <summary>The documents by service name; a faulty one is among them with its fault.</summary>
    public IReadOnlyDictionary<string, StoredDocument> Services { get; }

    /// <summary>The sound document of <paramref name="service"/>; <c>null</c> if there is none.</summary>
    public ServiceDocument? Find(string service) => Services.GetValueOrDefault(service)?.Document;

    /// <summary>A set of the given documents, such as one kept on disk.</summary>
    public static DocumentSet Of(IEnumerable<StoredDocument> documents) =>
        new(documents.ToDictionary(document => document.Service, StringComparer.Ordinal), NothingRead);

    /// <summary>
    /// The set after Consul answered <paramref name="answer"/>. A document that cannot be read is set aside alone: the last
    /// sound one of that service stays, with the fault beside it. A service whose key is gone is gone. What did not change is
    /// the same object; the index alone does not say so, for a Consul that was restored from a backup gives one out twice.
    /// </summary>
    public DocumentSet Follow(IEnumerable<KVPair> answer)
    {
        var services = new Dictionary<string, StoredDocument>(Services.Count, StringComparer.Ordinal);
        var read = new Dictionary<string, KVPair>(Services.Count, StringComparer.Ordinal);
        foreach (var pair in answer)
        {
            if (MeshKeys.ServiceOf(pair.Key) is not { Length: > 0 } service)
                continue;
            var before = Services.GetValueOrDefault(service);
            services[service] = before is not null && pairs.TryGetValue(service, out var earlier) && IsSame(earlier, pair)
                ? before
                : Read(service, pair, before);
            read[service] = pair;
        }

        return new DocumentSet(services, read);
    }

    /// <summary>The set after one document was changed, and no other.</summary>
    internal DocumentSet With(KVPair pair)
    {
        var service = MeshKeys.ServiceOf(pair.Key);
        var services = new Dictionary<string, StoredDocument>(Services, StringComparer.Ordinal) { [service] = Read(service, pair, Services.GetValueOrDefault(service)) };
        return new DocumentSet(services, new Dictionary<string, KVPair>(pairs, StringComparer.Ordinal) { [service] = pair });
    }

    internal static StoredDocument Read(string service, KVPair pair, StoredDocument? before)
    {
        var fault = DocumentFormat.TryRead(service, pair.Value, out var document, out var kind);
        return fault is null
            ? new StoredDocument(service, document, pair.ModifyIndex, Fault: null)
            : new StoredDocument(service, before?.Document, before?.Index ?? 0, fault) { FaultKind = kind };
    }

    private static bool IsSame(KVPair one, KVPair other) =>
        one.ModifyIndex == other.ModifyIndex && one.Value.AsSpan().SequenceEqual(other.Value);
}
