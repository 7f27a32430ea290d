using System.Collections.Concurrent;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Delivery.Canary;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class SyntheticLoadTests
{
    private static readonly DockerHost Docker = new("docker", Address: null, "0.0.0.0");
    private static readonly Release V1 = new("d1", "v1", "x", DateTimeOffset.UnixEpoch);

    private static readonly ServiceDocument Document =
        ServiceDocument.Create("demo", [new Route(null, "/demo", false)]) with { Active = V1, Split = new Split(V1 with { Deployment = "d2" }, 10) };

    [Fact]
    public async Task RunAsync_NothingIsAnswered_GoesOnAtItsPaceUpToABound()
    {
        var asked = 0;
        using var silent = new LocalServer(_ =>
        {
            Interlocked.Increment(ref asked);
            return null;
        });
        using var consul = new LocalServer(_ => Proxy(silent.Port));

        var warned = await RunAsync(consul.Address("http"), until: warning => warning.StartsWith("256 synthetic requests", StringComparison.Ordinal));

        Assert.Equal(["256 synthetic requests are unanswered: until one of them is, no more are sent"], warned);
        Assert.InRange(asked, 200, 256);
    }

    [Fact]
    public async Task RunAsync_NoConsul_SaysSoAndTriesAgain()
    {
        var tries = 0;
        var warned = await RunAsync(new Uri("http://127.0.0.1:1"), until: _ => ++tries == 3);

        Assert.StartsWith("no synthetic requests can be sent until Consul names the proxies: ", Assert.Single(warned), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_NoProxyOrOneThatIsAway_SaysSo()
    {
        using var none = new LocalServer(_ => "[]");
        using var away = new LocalServer(_ => Proxy(1));

        Assert.Equal(["no synthetic requests can be sent: no proxy is registered as 'proxy'"], await RunAsync(none.Address("http"), until: _ => true));
        Assert.StartsWith("proxy p gets no synthetic requests: ", Assert.Single(await RunAsync(away.Address("http"), until: _ => true)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_AProxyThatNobodyFinds_SaysSo()
    {
        using var consul = new LocalServer(_ => Proxy(80, "proxy.invalid"));

        Assert.StartsWith("proxy p gets no synthetic requests: ", Assert.Single(await RunAsync(consul.Address("http"), until: _ => true)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_AProxyThatRedirects_SaysSoAndStaysThere()
    {
        var asked = 0;
        using var elsewhere = new LocalServer(_ => $"{Interlocked.Increment(ref asked)}");
        using var redirects = new LocalServer(_ => "{}") { Elsewhere = elsewhere.Address("http") };
        using var consul = new LocalServer(_ => Proxy(redirects.Port));

        var warned = await RunAsync(consul.Address("http"), until: _ => true);

        Assert.Equal($"proxy p sends synthetic requests on to http://127.0.0.1:{elsewhere.Port} (308): where it does so itself (--redirect-to-https), no release gets them", Assert.Single(warned));
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task RunAsync_ABugInARequest_EndsIt()
    {
        using var away = new LocalServer(_ => Proxy(1));

        await RunAsync<InvalidOperationException>(away.Address("http"), until: _ => throw new InvalidOperationException("a bug"));
    }

    private static Task<IEnumerable<string>> RunAsync(Uri consul, Func<string, bool> until) => RunAsync<OperationCanceledException>(consul, until);

    private static async Task<IEnumerable<string>> RunAsync<TEnd>(Uri consul, Func<string, bool> until)
        where TEnd : Exception
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        end.CancelAfter(TimeSpan.FromSeconds(30));
        var warned = new ConcurrentQueue<string>();
        using var mesh = new Mesh(new DeliverySettings(consul, new HostList([Docker], Docker), "mesh", "proxy"), TimeProvider.System)
        {
            Warn = warning =>
            {
                warned.Enqueue(warning);
                if (until(warning))
                    end.Cancel();
            },
        };
        var policy = new CanaryPolicy { Bake = TimeSpan.FromSeconds(1), Minimum = 500, Synthetic = "/work" };

        await Assert.ThrowsAnyAsync<TEnd>(() => new SyntheticLoad(mesh, policy, Document, new SplitMatch("X", "y")).RunAsync(end.Token));

        return warned.Distinct(StringComparer.Ordinal);
    }

    // What Consul says of the proxies.
    private static string Proxy(int port, string address = "127.0.0.1") =>
        $$$"""[{"Node":{"Node":"n","Address":"127.0.0.1"},"Service":{"ID":"p","Service":"proxy","Address":"{{{address}}}","Port":{{{port}}}},"Checks":[]}]""";
}
