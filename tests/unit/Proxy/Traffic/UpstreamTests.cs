using ServiceMesh.Proxy.Traffic.Upstreams;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class UpstreamTests
{
    // The kernel repeats a SYN that was lost after a second.
    [Theory]
    [InlineData(null, 5)]
    [InlineData(10d, 5)]
    [InlineData(5d, 2.5)]
    [InlineData(2d, 1.25)]
    [InlineData(1d, 0.625)]
    [InlineData(0.001, 0.0048828125)]
    public void PatienceOf_ARoute_IsOverBeforeItsTimeoutAndNotMuchEarlier(double? timeout, double seconds)
    {
        var route = new Route(Host: null, "/", StripPath: false) { Timeout = timeout is { } given ? TimeSpan.FromSeconds(given) : null };

        Assert.Equal(seconds, 5d / (1 << Upstream.PatienceOf(route)));
    }
}
