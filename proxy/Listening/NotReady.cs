using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Tells why new requests should not come here.</summary>
internal sealed class NotReady(Readiness readiness, SnapshotHolder snapshots)
{
    /// <summary>Why not; <c>null</c> if they should.</summary>
    public string? Reason =>
        readiness.IsLeaving ? "the proxy is stopping"
        : snapshots.Current.Origin == SnapshotOrigin.None ? "the proxy has not learned of any service yet: Consul could not be reached"
        : !readiness.IsReady ? "the proxy is starting"
        : null;
}
