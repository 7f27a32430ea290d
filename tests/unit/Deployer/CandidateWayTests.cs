using System.Security.Cryptography;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class CandidateWayTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("", null, null)]
    [InlineData("/demo", "/demo", null)]
    [InlineData("shop.example/ /demo", "/demo", null)]
    [InlineData("shop.example/a *.shop.example/b", "/a", "shop.example")]
    [InlineData("*.shop.example/b shop.example/a", "/b", "mesh-tests.shop.example")]
    public void RouteOf_AService_IsTheFirstThatTakesAnyHostOrElseTheFirst(string routes, string? path, string? host)
    {
        var document = ServiceDocument.Create(
            "demo", [.. routes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => (Text: text, Path: text.IndexOf('/'))).Select(route => new Route(route.Path == 0 ? null : route.Text[..route.Path], route.Text[route.Path..], StripPath: false))]);

        var route = CandidateWay.RouteOf(document);

        Assert.Equal((path, host), (route?.Path, route is null ? null : CandidateWay.HostOf(route)));
        Assert.Null(CandidateWay.RouteOf(document: null));
    }

    // The longest time that a manifest allows; and a proxy whose clock is behind.
    [Theory]
    [InlineData("2m", 0)]
    [InlineData("24h", 0)]
    [InlineData("24h", -30)]
    public void End_OfHoweverLongASuite_IsAcceptedByTheProxies(string timeout, int proxysClock)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.True(DurationText.TryParse(timeout, out var time));
        var pass = CandidatePass.Sign(key, "demo", "abc", CandidateWay.End(time, Now));

        Assert.Equal("abc", CandidatePass.Check(pass, "demo", new Dictionary<string, ECDsa> { [CandidatePass.KeyId(key)] = key }, Now.AddSeconds(proxysClock)));
    }
}
