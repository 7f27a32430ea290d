using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>
/// Requests of the deployer's own through the proxies, to the candidate and to the active release in turns, so that a
/// service that nobody uses at the moment can be judged. As many as make a sample of each twice the minimum in the baking time.
/// </summary>
internal sealed class SyntheticLoad(Mesh mesh, ObservationPolicy policy, ServiceDocument document, SplitMatch header)
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    public async Task RunAsync(CancellationToken ct)
    {
        var route = document.Routes[0];
        var path = (route.Path == "/" ? "" : route.Path) + policy.Synthetic;
        using var timer = new PeriodicTimer(PauseOf(policy, document.Split!.Share), mesh.Time);
        var proxies = await mesh.Proxies.ListAsync(ct);
        for (var number = 0; await timer.WaitForNextTickAsync(ct); number++)
        {
            var proxy = proxies[number % proxies.Count];
            await Task.WhenAll(
                mesh.Proxies.SendAsync(proxy, route.Host, path, header, ct),
                mesh.Proxies.SendAsync(proxy, route.Host, path, header: null, ct));
        }
    }

    /// <summary>The time from one pair of requests to the next. Of those that are not led to the candidate its share goes there, too.</summary>
    public static TimeSpan PauseOf(ObservationPolicy policy, double share)
    {
        var pause = policy.Bake * ((100 - share) / 100) / (2.0 * policy.Minimum);
        return pause > Least ? pause : Least;
    }
}
