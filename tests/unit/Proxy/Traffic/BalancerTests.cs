using ServiceMesh.Policy;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Choosing;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class BalancerTests
{
    [Theory]
    [InlineData(Balance.Random)]
    [InlineData(Balance.PowerOfTwo)]
    [InlineData(Balance.RoundRobin)]
    public void Pick_WeightsOneToThree_GetsTheirShares(Balance balance)
    {
        var pool = new ReleasePool([Member("a", weight: 1), Member("b", weight: 3)]);

        var picked = Enumerable.Range(0, 20_000).Select(_ => Balancer.Pick(pool, balance)!).CountBy(member => member.Instance.Id).ToDictionary();

        // 20,000 draws of a quarter differ by more than 2 % from it less than once in a million runs.
        Assert.InRange(picked["a"] / 20_000.0, 0.23, 0.27);
    }

    [Fact]
    public void Pick_RoundRobin_OneAfterTheOther()
    {
        var pool = new ReleasePool([Member("a"), Member("b"), Member("c")]);

        var round = Enumerable.Range(0, 3).Select(_ => Balancer.Pick(pool, Balance.RoundRobin)!.Instance.Id).ToArray();

        Assert.Equal(["a", "b", "c"], round.Order());
        Assert.Equal(round, Enumerable.Range(0, 3).Select(_ => Balancer.Pick(pool, Balance.RoundRobin)!.Instance.Id));
    }

    [Fact]
    public void Pick_LeastRequests_TakesTheIdleOne()
    {
        var pool = new ReleasePool([Busy("a", 2), Busy("b", 1), Busy("c", 3)]);

        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal("b", Balancer.Pick(pool, Balance.LeastRequests)!.Instance.Id));
    }

    [Fact]
    public void Pick_LeastRequests_CountsByWeight()
    {
        var pool = new ReleasePool([Busy("small", 2, weight: 1), Busy("large", 3, weight: 2)]);

        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal("large", Balancer.Pick(pool, Balance.LeastRequests)!.Instance.Id));
    }

    [Fact]
    public void Pick_PowerOfTwo_MeetsABusyOneRarely()
    {
        var pool = new ReleasePool([Busy("busy", 100), Member("a"), Member("b"), Member("c")]);

        // Only both draws of two can lead there: 1 in 16.
        var busy = Enumerable.Range(0, 10_000).Count(_ => Balancer.Pick(pool, Balance.PowerOfTwo)!.Instance.Id == "busy");
        Assert.InRange(busy, 1, 900);
    }

    [Fact]
    public void Pick_First_IsTheFirst() =>
        Assert.Equal("a", Balancer.Pick(new ReleasePool([Busy("a", 9), Member("b")]), Balance.First)!.Instance.Id);

    [Theory]
    [InlineData(Balance.PowerOfTwo)]
    [InlineData(Balance.First)]
    public void Pick_NoMembers_IsNone(Balance balance) => Assert.Null(Balancer.Pick(ReleasePool.Empty, balance));

    private static MemberModel Busy(string id, int requests, int weight = 1)
    {
        var member = Member(id, weight);
        for (var n = 0; n < requests; n++)
            member.State.Enter();
        return member;
    }

    private static MemberModel Member(string id, int weight = 1)
    {
        var instance = new Instance(id, "node", "demo", "10.0.0.9", 1, "one", "v", "passing", weight);
        return new MemberModel(instance, Stage.Active, new MemberState(instance));
    }
}
