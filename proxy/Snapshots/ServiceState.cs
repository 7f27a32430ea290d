using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Traffic.Retries;
using ServiceMesh.Proxy.Traffic.Waiting;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>What a proxy knows of one service by its own doing. The same object through all snapshots, changed by the requests.</summary>
internal sealed class ServiceState
{
    /// <summary>How many more retries are allowed.</summary>
    public RetryBudget Retries { get; } = new();

    /// <summary>The requests that wait for a place at an instance.</summary>
    public WaitingLine Line { get; } = new();

    /// <summary>What became of the requests that no instance was asked for.</summary>
    public ServiceMeter Meter { get; } = new();
}
