using System.Collections.Frozen;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>
/// Holds back a sudden loss: when more than a share of the services that had traffic are lost at once, it is more likely
/// the registry that lost its data. A service is lost when nothing active is left of it because its instances are gone from
/// the catalog (gone, not critical), or because its document is gone or fell back to an earlier index. What is lost stays as
/// it was last known, until it is back or the loss lasted; what is not lost is applied at once. Where any document fell back,
/// the registry was restored or set up anew, and each loss seen together with that is held back. Pure.
/// </summary>
/// <param name="share">The share of the services with traffic, 0 to 1; a loss of more than that is held back.</param>
/// <param name="hold">How long a service's loss is held back; zero obeys every loss at once.</param>
internal sealed class LossGuard(double share, TimeSpan hold)
{
    /// <summary>What is to be in effect after <paramref name="inEffect"/>, now that Consul told of these documents and instances.</summary>
    /// <param name="inEffect">The snapshot in effect.</param>
    /// <param name="documents">The documents that Consul told of.</param>
    /// <param name="instances">The instances that Consul told of, by service.</param>
    /// <param name="now">The time.</param>
    /// <param name="confirmed">Services whose loss is obeyed at once.</param>
    public MeshView Rule(
        Snapshot inEffect,
        DocumentSet documents,
        IReadOnlyDictionary<string, IReadOnlyList<Instance>> instances,
        DateTimeOffset now,
        IReadOnlySet<string>? confirmed = null)
    {
        var served = inEffect.Services.Values.Count(service => service.Traffic.Length > 0);
        Reading[] lost = [.. inEffect.Services.Values
            .Where(service => service.Traffic.Length > 0)
            .Select(service => Reading.Of(service, documents, instances))
            .Where(reading => reading.IsLost)];
        var isAnother = inEffect.Services.Values.Any(
            service => documents.Services.TryGetValue(service.Stored.Service, out var stored) && stored.Index < service.Stored.Index);
        // Once held, a service stays held though others come back first: they would be lost one by one otherwise.
        Reading[] held = [.. lost.Where(reading =>
            (isAnother || lost.Length > share * served || inEffect.Held.ContainsKey(reading.Service))
            && confirmed?.Contains(reading.Service) != true
            && Until(reading, inEffect, now) > now)];
        if (held.Length == 0)
            return new MeshView(documents, instances, MeshView.NothingHeld);

        var kept = new Dictionary<string, IReadOnlyList<Instance>>(instances, StringComparer.Ordinal);
        foreach (var reading in held)
            kept[reading.Service] = reading.KeptInstances();
        return new MeshView(
            Same(inEffect.Documents, Kept(documents, held)),
            kept,
            Same(inEffect.Held, held.ToFrozenDictionary(reading => reading.Service, reading => Until(reading, inEffect, now))));
    }

    // A clock that is set back must not lengthen the hold.
    private DateTimeOffset Until(Reading reading, Snapshot inEffect, DateTimeOffset now) =>
        inEffect.Held.TryGetValue(reading.Service, out var until) && until < now + hold ? until : now + hold;

    private static DocumentSet Kept(DocumentSet documents, IEnumerable<Reading> held)
    {
        var services = new Dictionary<string, StoredDocument>(documents.Services, StringComparer.Ordinal);
        foreach (var reading in held)
            services[reading.Service] = reading.KeptDocument;
        return DocumentSet.Of(services.Values);
    }

    // The same content keeps the same object: a snapshot that would only repeat the last is none.
    private static DocumentSet Same(DocumentSet before, DocumentSet next) => Equal(before.Services, next.Services) ? before : next;

    private static FrozenDictionary<string, DateTimeOffset> Same(
        FrozenDictionary<string, DateTimeOffset> before, FrozenDictionary<string, DateTimeOffset> next) => Equal(before, next) ? before : next;

    private static IReadOnlyList<Instance> Same(IReadOnlyList<Instance> before, Instance[] next) => next.SequenceEqual(before) ? before : next;

    private static bool Equal<T>(IReadOnlyDictionary<string, T> one, IReadOnlyDictionary<string, T> other)
        where T : IEquatable<T> =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var value) && pair.Value.Equals(value));

    /// <summary>A service that has traffic beside what was read of it.</summary>
    private sealed record Reading(ServiceModel Before, StoredDocument? Stored, IReadOnlyList<Instance> Instances)
    {
        public string Service => Before.Stored.Service;

        public bool IsLost => !HasActive(Stored) && (IsEarlier || Before.Traffic.All(member => !IsRead(member.Instance)));

        public StoredDocument KeptDocument => IsEarlier ? Before.Stored : Stored!;

        // Instances are part of the loss only if no active one is left; else each one's end is its own and obeyed.
        public IReadOnlyList<Instance> KeptInstances() => HasActive(KeptDocument)
            ? Instances
            : Same(Before.Instances, [.. Instances
                .Concat(Before.Instances.Where(instance => !IsRead(instance)))
                .OrderBy(instance => instance.Id, StringComparer.Ordinal)]);

        // Consul's index only grows, but for a registry that was restored from a backup or set up anew.
        private bool IsEarlier => Stored is null || Stored.Index < Before.Stored.Index;

        public static Reading Of(
            ServiceModel before, DocumentSet documents, IReadOnlyDictionary<string, IReadOnlyList<Instance>> instances) => new(
            before,
            documents.Services.GetValueOrDefault(before.Stored.Service),
            instances.GetValueOrDefault(before.Stored.Service) ?? []);

        private bool HasActive(StoredDocument? stored) =>
            stored?.Document is { } document && Instances.Any(instance => document.StageOf(instance.Deployment) == Stage.Active);

        private bool IsRead(Instance known) => Instances.Any(instance => instance.Id == known.Id && instance.Node == known.Node);
    }
}

/// <summary>What a snapshot is built from.</summary>
/// <param name="Documents">The documents.</param>
/// <param name="Instances">The instances by service.</param>
/// <param name="Held">The services of which Consul tells no more what stands here, each with the end of its hold.</param>
internal sealed record MeshView(
    DocumentSet Documents, IReadOnlyDictionary<string, IReadOnlyList<Instance>> Instances, FrozenDictionary<string, DateTimeOffset> Held)
{
    public static FrozenDictionary<string, DateTimeOffset> NothingHeld => FrozenDictionary<string, DateTimeOffset>.Empty;
}
