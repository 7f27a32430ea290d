using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ProxyFleetTests
{
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

    // By then what it finished was given all of the time that there is for it.
    [Fact]
    public async Task Drain_AProxyThatServedIsRegisteredNoMore_IsWaitedForOnce()
    {
        var (ct, left, drain) = (TestContext.Current.CancellationToken, new HashSet<string> { "old" }, TimeSpan.FromMilliseconds(50));
        using var one = new LocalServer(_ => """{"index":7,"instances":[]}""");
        using var two = new LocalServer(_ => """{"index":7,"instances":[]}""");
        LocalServer[] registered = [one, two];
        using var consul = new LocalServer(_ => $"[{string.Join(',', registered.Select(Entry))}]");
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);
        await mesh.Proxies.AskAsync("demo", await mesh.Proxies.ListAsync(ct), ct);
        registered = [one];

        Assert.Equal("1 of 2 proxies did not say what is in flight, so it had 50ms", await DrainedAsync());
        Assert.Equal("nothing in flight any more", await DrainedAsync());

        async Task<string> DrainedAsync() => ProxyState.Drained(await mesh.Proxies.DrainAsync("demo", 7, left, drain, ct), 7, left, drain);
    }

    private static string Entry(LocalServer proxy) =>
        $$$"""{"Node":{"Node":"n"},"Service":{"ID":"p{{{proxy.Port}}}","Service":"proxy","Address":"127.0.0.1","Port":{{{proxy.Port}}},"Meta":{}},"Checks":[{"CheckID":"c","Status":"passing"}]}""";
}
