using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic;
using ServiceMesh.Proxy.Traffic.Choosing;
using ServiceMesh.Proxy.Traffic.Transforming;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class ExchangeTests
{
    // While a request waits, its route can become another service's.
    [Theory]
    [InlineData("shop", true)]
    [InlineData("cart", false)]
    public void Follow_AfterAWait_KeepsTheCookieAndTheWaitForTheSameServiceAlone(string then, bool keeps)
    {
        var handler = new TrafficHandler(null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, TimeProvider.System, NullLogger<TrafficHandler>.Instance);
        var exchange = new Exchange(new DefaultHttpContext(), handler);
        exchange.Follow(To("shop"));
        (exchange.Cookie, exchange.IsKnown, exchange.Issued) = (new MeshCookie(1, ""), true, new MeshCookie(1, "a"));
        (exchange.WaitsSince, exchange.HeldSince, exchange.HeldAtMost) = (1, 1, TimeSpan.FromSeconds(1));

        exchange.Follow(To(then));

        Assert.Equal((keeps, keeps, keeps), (exchange.Cookie is not null, exchange.IsKnown, exchange.Issued is not null));
        Assert.Equal((keeps, keeps, keeps), (exchange.WaitsSince is not null, exchange.HeldSince is not null, exchange.HeldAtMost != default));
        Assert.Equal(then, exchange.Target!.Service);
    }

    private static RouteTarget To(string service) => RouteTarget.Of(service, new Route(Host: null, "/", StripPath: false), TrustedProxies.None);
}
