using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ProxyFleetTests
{
    private const string Idle = """{"index":7,"instances":[]}""";

    // A proxy answers 503 while it hands over to another: that says nothing.
    [Theory]
    [InlineData(HttpStatusCode.NotFound, true)]
    [InlineData(HttpStatusCode.ServiceUnavailable, false)]
    public async Task Ask_OfAServiceThatTheProxyDoesNotKnow_IsToldFromSilence(HttpStatusCode status, bool known)
    {
        using var server = new LocalServer(_ => "{}") { Status = _ => status };
        using var http = new HttpClient();
        var proxy = new Instance("p1", "n", "proxy", "127.0.0.1", server.Port, "", "", "passing");
        var fleet = new ProxyFleet(catalog: null!, http, "proxy", TimeProvider.System);

        var answers = await fleet.AskAsync("demo", [proxy], TestContext.Current.CancellationToken, ProxyAnswer.NoService);

        Assert.Equal(known ? ProxyAnswer.NoService : null, answers[proxy]);
    }

    // What a proxy answers a pass that is none; it is not followed to where it sends.
    [Theory]
    [InlineData(HttpStatusCode.Forbidden, false, false)]
    [InlineData(HttpStatusCode.ServiceUnavailable, false, false)]
    [InlineData(HttpStatusCode.PermanentRedirect, true, true)]
    public async Task Redirects_AProxy_IsToldByItsOwnAnswer(HttpStatusCode status, bool elsewhere, bool redirects)
    {
        using var server = new LocalServer(_ => "{}") { Status = _ => status, Elsewhere = elsewhere ? new Uri("http://127.0.0.1:1/") : null };
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(new Uri("http://127.0.0.1:1"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);

        Assert.Equal(redirects, await mesh.Proxies.RedirectsAsync(server.Address("http") + "demo", host: null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Redirects_AProxyThatDoesNotAnswer_DoesNot()
    {
        using var http = new HttpClient();

        Assert.False(await new ProxyFleet(catalog: null!, http, "proxy", TimeProvider.System).RedirectsAsync("http://127.0.0.1:1/demo", "shop.example", TestContext.Current.CancellationToken));
    }

    // Who deregistered it need not have ended it. Once silent, what it finished was given all of the time that there is for it.
    [Theory]
    [InlineData(null, "1 of 2 proxies did not say what is in flight, so it had 50ms", "nothing in flight any more")]
    [InlineData("""{"index":7,"instances":[{"id":"i","deployment":"old","inFlight":3}]}""", "3 still in flight after 50ms", "3 still in flight after 50ms")]
    [InlineData("""{"index":6,"instances":[],"releases":[{"deployment":"old"}]}""", "a proxy still sends requests there after 50ms", "a proxy still sends requests there after 50ms")]
    [InlineData(Idle, "nothing in flight any more", "nothing in flight any more")]
    public async Task Drain_AProxyThatServedIsRegisteredNoMore_IsAskedAtItsAddressAndWaitedForOnceWhereItIsSilent(string? says, string told, string again)
    {
        var (ct, left, drain) = (TestContext.Current.CancellationToken, new HashSet<string> { "old" }, TimeSpan.FromMilliseconds(50));
        using var one = new LocalServer(_ => Idle);
        using var two = new LocalServer(_ => says ?? Idle);
        LocalServer[] registered = [one, two];
        using var consul = new LocalServer(_ => $"[{string.Join(',', registered.Select(Entry))}]");
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);
        await mesh.Proxies.AskAsync("demo", await mesh.Proxies.ListAsync(ct), ct);
        registered = [one];
        if (says is null)
            two.Dispose();

        Assert.Equal(told, await DrainedAsync());
        Assert.Equal(again, await DrainedAsync());

        async Task<string> DrainedAsync() => ProxyState.Drained(await mesh.Proxies.DrainAsync("demo", 7, left, drain, ct), 7, left, drain);
    }

    private static string Entry(LocalServer proxy) =>
        $$$"""{"Node":{"Node":"n"},"Service":{"ID":"p{{{proxy.Port}}}","Service":"proxy","Address":"127.0.0.1","Port":{{{proxy.Port}}},"Meta":{}},"Checks":[{"CheckID":"c","Status":"passing"}]}""";
}
