namespace Consul;

/// <summary>
/// The servers' raft (<c>/v1/status</c>). A call that fails throws <see cref="ConsulRequestException"/>.
/// </summary>
public interface IStatusEndpoint
{
    /// <summary>Reads the leader's address.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns><c>address:port</c>; empty while there is no leader.</returns>
    Task<string> Leader(CancellationToken ct = default);

    /// <summary>Reads the addresses of all servers.</summary>
    /// <param name="ct">Ends the call.</param>
    /// <returns>Each as <c>address:port</c>.</returns>
    Task<string[]> Peers(CancellationToken ct = default);
}
