using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>
/// Requests of the deployer's own through the proxies, to the candidate and to the active release in turns, so that a
/// service that nobody uses at the moment can be judged. As many as make a sample twice the minimum in the baking time.
/// </summary>
internal sealed class SyntheticLoad(Mesh mesh, CanaryPolicy policy, ServiceDocument document, SplitMatch header)
{
    public async Task RunAsync(CancellationToken ct)
    {
        var route = document.Routes[0];
        var path = (route.Path == "/" ? "" : route.Path) + policy.Synthetic;
        using var timer = new PeriodicTimer(TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, policy.Bake.Ticks / (policy.Minimum * 3))), mesh.Time);
        var proxies = await mesh.Proxies.ListAsync(ct);
        for (var number = 0; await timer.WaitForNextTickAsync(ct); number++)
        {
            var proxy = proxies[number % proxies.Count];
            await Task.WhenAll(
                mesh.Proxies.SendAsync(proxy, route.Host, path, header, ct),
                mesh.Proxies.SendAsync(proxy, route.Host, path, header: null, ct));
        }
    }
}
