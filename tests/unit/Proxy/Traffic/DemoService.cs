using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

/// <summary>The service demo, whose one instance is in the traffic.</summary>
internal static class DemoService
{
    public static ServiceDocument Document { get; } = ServiceDocument.Create("demo", [])
        .Promote(new Release("one", "v1", "image", DateTimeOffset.UnixEpoch)) with
    {
        Routes = [new Route(Host: null, "/", StripPath: false)],
    };

    private static readonly IReadOnlyList<Instance> Instances = [new("a", "node", "demo", "10.0.0.9", 1, "one", "v1", "passing")];

    /// <returns>The service as it is served then.</returns>
    public static ServiceModel Publish(SnapshotHolder snapshots, ServiceDocument document, ulong index) =>
        Publish(snapshots, new StoredDocument("demo", document, index, Fault: null));

    /// <inheritdoc cref="Publish(SnapshotHolder, ServiceDocument, ulong)" />
    public static ServiceModel Publish(SnapshotHolder snapshots, params IEnumerable<StoredDocument> all)
    {
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(
            DocumentSet.Of(all),
            new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal) { ["demo"] = Instances },
            MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        return snapshots.Current.Services["demo"];
    }
}
