namespace Consul;

internal sealed class Status(ConsulTransport transport) : IStatusEndpoint
{
    public async Task<string> Leader(CancellationToken ct = default)
    {
        var leader = await transport.Query(
            ConsulCall.Get("/v1/status/leader"), options: null, ConsulJson.Default.String, "", ct);
        return leader.Response;
    }

    public async Task<string[]> Peers(CancellationToken ct = default)
    {
        var peers = await transport.Query(
            ConsulCall.Get("/v1/status/peers"), options: null, ConsulJson.Default.StringArray, [], ct);
        return peers.Response;
    }
}
