using System.Collections.Frozen;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>All that the proxy serves by, at one moment. Immutable but for the counters of its members.</summary>
internal sealed record Snapshot(
    SnapshotOrigin Origin,
    DocumentSet Documents,
    IReadOnlyDictionary<string, ServiceModel> Services,
    RoutingTable Routes,
    FrozenDictionary<string, DateTimeOffset> Held)
{
    public static Snapshot Empty { get; } = new(
        SnapshotOrigin.None,
        DocumentSet.Empty,
        new Dictionary<string, ServiceModel>(StringComparer.Ordinal),
        RoutingTable.Empty,
        MeshView.NothingHeld);
}

/// <summary>Where a snapshot comes from.</summary>
internal enum SnapshotOrigin
{
    /// <summary>Nothing is known yet.</summary>
    None,

    /// <summary>The last good state on disk: Consul could not be reached at the start.</summary>
    Disk,

    /// <summary>Consul.</summary>
    Consul,
}
