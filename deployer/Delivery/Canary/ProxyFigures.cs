using Consul;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Asks the proxies for their figures, look by look. A Consul that is away for a moment hides none that is known.</summary>
internal sealed class ProxyFigures(Mesh mesh, string service)
{
    private IReadOnlyList<Instance> proxies = [];

    public async Task<IReadOnlyDictionary<Instance, ProxyAnswer?>> LookAsync(CancellationToken ct)
    {
        try
        {
            proxies = await mesh.Proxies.ListAsync(ct);
        }
        catch (ConsulRequestException)
        {
            // Those that were known serve on.
        }

        return await mesh.Proxies.AskAsync(service, proxies, ct);
    }
}
