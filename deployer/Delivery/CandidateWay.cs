using System.Security.Cryptography;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The ways on which tests reach a candidate.</summary>
internal sealed class CandidateWay(Mesh mesh, Narrator narrator) : IDisposable
{
    // Between the end of the tests and the end of the pass; clocks of two hosts are never quite one.
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(1);

    private ECDsa? key;

    /// <summary>Makes the proxies' keys known to them, long before a client has a share of a split or a pass is shown.</summary>
    public async Task PrepareAsync(ServiceManifest manifest, CancellationToken ct)
    {
        await mesh.Store.EnsureCookieKeyAsync(ct);
        if (manifest.Tests.All(suite => suite.Through == TestWay.Direct))
            return;
        key = CandidateKey.OfThisUser();
        await mesh.Store.PublishSignerAsync(Person.Name, key, mesh.Time.GetUtcNow(), ct);
    }

    /// <summary>Where a suite finds the candidate.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="release">The candidate.</param>
    /// <param name="instance">One of its instances.</param>
    /// <param name="document">What the proxies know of the service; <c>null</c> for nothing.</param>
    /// <param name="ct">Ends the question for a proxy.</param>
    public async Task<TestTarget> FindAsync(TestPolicy suite, Release release, Instance instance, ServiceDocument? document, CancellationToken ct)
    {
        if (suite.Through == TestWay.Direct || key is null)
            return new TestTarget(instance.Url);
        if (RouteOf(document) is not { } route)
        {
            narrator.Warn("no route leads to the service yet, so its tests go to the candidate directly");
            return new TestTarget(instance.Url);
        }

        var proxy = (await mesh.Proxies.ListAsync(ct)).FirstOrDefault(one => one.IsHealthy)
            ?? throw new DeliveryException(ExitCode.Unreachable, $"no healthy proxy is registered as '{mesh.Settings.ProxyService}', and the tests are to go through one; name them with --proxy-service");
        var target = new TestTarget(
            proxy.Url + route.Path.TrimEnd('/'), CandidatePass.Sign(key, document!.Service, release.Deployment, End(suite.Timeout, mesh.Time.GetUtcNow())), HostOf(route));
        return await mesh.Proxies.RedirectsAsync(target.Url, target.Host, ct)
            ? throw new DeliveryException(
                ExitCode.WrongInput,
                $"proxy {proxy.Id} at {proxy.Url} answers whatever comes without TLS with a redirect of its own (--redirect-to-https), so no test would reach {document.Service} {release.Version} through it. "
                + "Production is unchanged. Give the tests 'through: direct', or have the redirects made by what stands before the proxies.")
            : target;
    }

    /// <summary>The route on which tests go: the first that takes any host, or else the first.</summary>
    public static Route? RouteOf(ServiceDocument? document) =>
        document?.Routes is { Count: > 0 } routes ? routes.FirstOrDefault(route => route.Host is null) ?? routes[0] : null;

    /// <summary>The host that a request must ask for to take the route; <c>null</c> for any.</summary>
    // Any name below the domain does for a route that takes all of them.
    public static string? HostOf(Route route) => route.Host?.Replace(Route.Wildcard, "mesh-tests.", StringComparison.Ordinal);

    /// <summary>When the pass of a suite ends that may take so long.</summary>
    // Before the longest that the proxies allow, by their clocks, for one that ends later opens nothing at first.
    public static DateTimeOffset End(TimeSpan timeout, DateTimeOffset now) => now + (timeout + Slack < CandidatePass.Longest - Slack ? timeout + Slack : CandidatePass.Longest - Slack);

    public void Dispose() => key?.Dispose();
}
