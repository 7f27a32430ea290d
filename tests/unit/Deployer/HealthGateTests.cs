using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class HealthGateTests
{
    private static readonly Instance A = new("a", "n", "demo", "10.0.0.9", 1, "d", "v1", "passing");
    private static readonly Instance B = A with { Id = "b", Port = 2 };

    [Fact]
    public void See_AllPassing_IsReadyAfterTheMinimumTime()
    {
        var gate = Gate(2);

        Assert.Equal(new GateView(2, 2, Seconds(2)), gate.See([A, B], Seconds(10)));
        Assert.Equal(new GateView(2, 2, Seconds(0.5)), gate.See([A, B], Seconds(11.5)));
        Assert.Equal(new GateView(2, 2, TimeSpan.Zero), gate.See([A, B], Seconds(12)));
    }

    [Fact]
    public void See_OneReplicaMissing_IsNotReady() =>
        Assert.Equal(new GateView(1, 1, null), Gate(2).See([A], Seconds(100)));

    [Theory]
    [InlineData("critical")]
    [InlineData("warning")]
    [InlineData("maintenance")]
    public void See_OneNotPassing_IsNotReady(string health) =>
        Assert.Equal(new GateView(2, 1, null), Gate(2).See([A, B with { Health = health }], Seconds(100)));

    // A candidate has to pass; what the proxies sent to before they send to again.
    [Theory]
    [InlineData("passing", 2)]
    [InlineData("warning", 2)]
    [InlineData("critical", 1)]
    [InlineData("maintenance", 1)]
    public void See_WhatHasServedBefore_IsReadyWithAWarning(string health, int well) =>
        Assert.Equal(new GateView(2, well, well == 2 ? TimeSpan.Zero : null), new HealthGate(2, TimeSpan.Zero, hasServed: true).See([A, B with { Health = health }], Seconds(3)));

    [Fact]
    public void See_ABreak_BeginsTheTimeAnew()
    {
        var gate = Gate(1);
        gate.See([A], Seconds(0));
        gate.See([A with { Health = "critical" }], Seconds(1));

        Assert.Equal(new GateView(1, 1, Seconds(2)), gate.See([A], Seconds(1.5)));
    }

    [Fact]
    public void See_AnInstanceThatMoved_BeginsTheTimeAnew()
    {
        var gate = Gate(1);
        gate.See([A], Seconds(0));

        Assert.Equal(new GateView(1, 1, Seconds(2)), gate.See([A with { Port = 9 }], Seconds(1.9)));
    }

    [Fact]
    public void See_NoMinimumTime_IsReadyAtOnce() =>
        Assert.Equal(new GateView(1, 1, TimeSpan.Zero), new HealthGate(1, TimeSpan.Zero).See([A], Seconds(3)));

    [Theory]
    [InlineData(0, 0, null, "demo v2 was not registered in Consul within 1m: no registry-sidecar seems to watch this Docker host for the environment 'mesh'. Start one, or name its environment with --environment. Production is unchanged.")]
    [InlineData(2, 1, "connection refused.", "demo v2 did not become healthy within 1m: 1 of 2 instances were passing. Production is unchanged. Its check says: connection refused. Mend that or allow a longer deadline, then run this again.")]
    [InlineData(2, 2, null, "demo v2 did not become healthy within 1m: its instances were passing for less than 2s. Production is unchanged. Its last lines may tell why. Mend that or allow a longer deadline, then run this again.")]
    public void TooLate_ByWhatWasSeen_SaysWhatIsMissing(int registered, int passing, string? complaint, string sentence)
    {
        var target = new ReadinessTarget(
            "demo", new Release("d", "v2", "demo@sha256:0", DateTimeOffset.UnixEpoch), [new HostShare(null!, ["c1", "c2"], "0")], Seconds(2), TimeSpan.FromMinutes(1));

        Assert.Equal(sentence, ReadinessSentence.TooLate(target, new GateView(registered, passing, null), complaint, "mesh"));
    }

    private static HealthGate Gate(int replicas) => new(replicas, Seconds(2));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
