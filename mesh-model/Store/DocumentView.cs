using System.Text;
using Consul;

namespace ServiceMesh.Store;

/// <summary>
/// All documents, from two things that Consul tells at their own pace: the list of all, which is the truth, and the one that
/// was changed last, which comes sooner where the list is long. A change that the list does not have yet is laid over it. Of what
/// stood there from the start, and of a service that the list does not have, nobody can say whether it is new or gone: the list's
/// index, which falls when Consul forgets what was deleted, does not tell.
/// </summary>
internal sealed class DocumentView(DocumentSet known)
{
    private readonly Dictionary<string, KVPair> ahead = new(StringComparer.Ordinal);
    private DocumentSet documents = known;
    private ulong? listedAt;
    private ulong? latestAt;

    /// <summary>What a commit leaves for those who follow: the document, with its service's name before it.</summary>
    public static byte[] Latest(ServiceDocument document) => [.. Encoding.ASCII.GetBytes(document.Service), (byte)'\n', .. DocumentFormat.Write(document)];

    /// <summary>Consul told of all documents.</summary>
    /// <param name="pairs">All of them.</param>
    /// <param name="index">Up to where in Consul's history.</param>
    public DocumentSet Listed(IReadOnlyCollection<KVPair> pairs, ulong index)
    {
        // Where the index fell, what the list does not have may have been deleted long ago.
        var fell = index < listedAt;
        listedAt = index;
        var names = fell ? pairs.Select(pair => MeshKeys.ServiceOf(pair.Key)).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var (service, _) in ahead.Where(change => change.Value.ModifyIndex <= index || (fell && !names.Contains(change.Key))).ToArray())
            ahead.Remove(service);
        return documents = documents.Follow(ahead.Count == 0 ? pairs : [.. pairs.Where(pair => !ahead.ContainsKey(MeshKeys.ServiceOf(pair.Key))), .. ahead.Values]);
    }

    /// <summary>Consul told of the document that was changed last.</summary>
    /// <param name="latest">What stands under the key; <c>null</c> if nothing does.</param>
    /// <returns>The documents, if that is news.</returns>
    public DocumentSet? Changed(KVPair? latest)
    {
        // It went backwards: another Consul, or one that was restored. Then the list alone counts.
        if (latest is null || latest.ModifyIndex < latestAt)
            ahead.Clear();
        var stoodThere = latestAt is null;
        latestAt = latest?.ModifyIndex ?? 0;
        // Without a list nobody knows whether it still stands, and what the list has, it has told.
        if (latest is null || listedAt is not { } listed || latest.ModifyIndex <= listed || Pair(latest) is not { } pair)
            return null;
        if (stoodThere && !documents.Services.ContainsKey(MeshKeys.ServiceOf(pair.Key)))
            return null;
        ahead[MeshKeys.ServiceOf(pair.Key)] = pair;
        return documents = documents.With(pair);
    }

    // Written in one transaction with the document, so their index is one.
    private static KVPair? Pair(KVPair latest)
    {
        var value = latest.Value ?? [];
        var end = Math.Max(0, value.AsSpan().IndexOf((byte)'\n'));
        var service = Encoding.ASCII.GetString(value, 0, end);
        return ServiceName.IsValid(service)
            ? new KVPair(MeshKeys.Service(service)) { Value = value[(end + 1)..], ModifyIndex = latest.ModifyIndex }
            : null;
    }
}
