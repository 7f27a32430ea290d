using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Health;

public sealed class MemberHealthTests
{
    private static readonly DateTimeOffset T0 = DateTimeOffset.UnixEpoch;
    private static readonly PassivePolicy Policy = new(Ejection: TimeSpan.FromSeconds(4));

    [Fact]
    public void After_EjectionsInARow_LastTwiceAsLongEachTimeAndTenTimesAtMost()
    {
        var (health, now) = (MemberHealth.New, T0);
        List<double> lengths = [];
        for (var n = 0; n < 6; n++)
        {
            health = health.After(FindingKind.Ejectable, Policy, now);
            lengths.Add((health.EjectedUntil!.Value - now).TotalSeconds);
            now = health.EjectedUntil.Value;
            health = health.At(now, inTraffic: false);
        }

        Assert.Equal([4, 8, 16, 32, 40, 40], lengths);
    }

    [Theory]
    [InlineData(13.9, 8)]
    [InlineData(14, 4)]
    public void After_AnEjectionThatIsLongAgo_BeginsAnew(double secondsLater, double expected)
    {
        // Out for 4 s, and then soon is within those 4 s and the window of 10 s.
        var back = MemberHealth.New.After(FindingKind.Ejectable, Policy, T0).At(T0.AddSeconds(4), inTraffic: false);
        var now = T0.AddSeconds(4 + secondsLater);

        Assert.Equal(now.AddSeconds(expected), back.After(FindingKind.Ejectable, Policy, now).EjectedUntil);
    }

    [Fact]
    public void After_WhoIsOut_IsNotPutOutAgain()
    {
        var ejected = MemberHealth.New.After(FindingKind.Ejectable, Policy, T0);

        Assert.Same(ejected, ejected.After(FindingKind.Ejectable, Policy, T0.AddSeconds(1)));
    }

    [Theory]
    [InlineData(false, 3.9, true, nameof(Admission.Admitted))]
    [InlineData(false, 4, false, nameof(Admission.Pending))]
    [InlineData(true, 4, false, nameof(Admission.Admitted))]
    public void At_TheEndOfAnEjection_AsksForAProbeUnlessItStayedInTheTraffic(bool inTraffic, double seconds, bool isEjected, string admission)
    {
        var ejected = MemberHealth.New.After(FindingKind.Answers, Policy, T0).After(FindingKind.Ejectable, Policy, T0);

        var health = ejected.At(T0.AddSeconds(seconds), inTraffic);

        Assert.Equal((isEjected, admission), (health.EjectedUntil is not null, health.Admission.ToString()));
    }
}
