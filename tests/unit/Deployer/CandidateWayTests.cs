using System.Security.Cryptography;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class CandidateWayTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

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
