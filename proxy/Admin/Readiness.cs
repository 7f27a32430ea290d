using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Admin;

/// <summary>Whether new requests should be sent to this proxy.</summary>
internal sealed class Readiness(SnapshotHolder snapshots, IHostApplicationLifetime lifetime)
{
    /// <summary>Why not; <c>null</c> if they should.</summary>
    public string? Missing =>
        lifetime.ApplicationStopping.IsCancellationRequested ? "the proxy is stopping"
        : snapshots.Current.Origin == SnapshotOrigin.None ? "the proxy has not learned of any service yet: Consul could not be reached"
        : !lifetime.ApplicationStarted.IsCancellationRequested ? "the traffic port is not open yet"
        : null;
}
