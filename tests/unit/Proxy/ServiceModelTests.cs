using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class ServiceModelTests
{
    private static readonly StoredDocument V1 = Stored(1, "one");
    private static readonly StoredDocument V2 = Stored(2, "one", "two");

    [Fact]
    public void Follow_Candidates_GetNoTraffic() =>
        Assert.Equal(["a"], InTraffic(ServiceModel.Follow(null, V1, [Passing("a", "one"), Passing("b", "two"), Passing("c", "stranger")])));

    [Fact]
    public void Follow_APromotion_MovesTheTrafficAndKeepsTheCounters()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one"), Passing("b", "two")];
        var before = ServiceModel.Follow(null, V1, instances);
        before.Traffic[0].State.Enter();

        var after = ServiceModel.Follow(before, V2, instances);

        Assert.Equal(["b"], InTraffic(after));
        var retired = Assert.Single(after.Members, member => member.Stage == Stage.Retired);
        Assert.Equal(1, retired.State.InFlight);
    }

    [Fact]
    public void Follow_AnUnhealthyInstance_LeavesTheTraffic() =>
        Assert.Equal(["a"], InTraffic(ServiceModel.Follow(null, V1, [Passing("a", "one"), Passing("b", "one") with { Health = "critical" }])));

    [Fact]
    public void Follow_AWarning_StaysInTheTraffic() =>
        Assert.Equal(["a"], InTraffic(ServiceModel.Follow(null, V1, [Passing("a", "one") with { Health = "warning" }])));

    [Fact]
    public void Follow_AllUnhealthy_KeepsThoseThatWereInTheTrafficLast()
    {
        var dead = Passing("dead", "one") with { Health = "critical" };
        var before = ServiceModel.Follow(null, V1, [dead, Passing("a", "one"), Passing("b", "one")]);

        var after = ServiceModel.Follow(before, V1, [dead, Passing("a", "one") with { Health = "critical" }, Passing("b", "one") with { Health = "maintenance" }]);

        Assert.Equal(["a", "b"], InTraffic(after));
    }

    [Fact]
    public void Follow_AllUnhealthyFromTheStart_SendsToAllRatherThanToNone() =>
        Assert.Equal(["a"], InTraffic(ServiceModel.Follow(null, V1, [Passing("a", "one") with { Health = "critical" }])));

    [Fact]
    public void Follow_NothingChanged_IsTheSameObject()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one")];
        var before = ServiceModel.Follow(null, V1, instances);

        Assert.Same(before, ServiceModel.Follow(before, V1, instances));
    }

    [Fact]
    public void Follow_TheSameIdOnAnotherPort_IsAnotherInstanceWithItsOwnCounter()
    {
        var before = ServiceModel.Follow(null, V1, [Passing("a", "one")]);
        before.Traffic[0].State.Enter();

        var after = ServiceModel.Follow(before, V1, [Passing("a", "one") with { Port = 2 }]);

        Assert.Equal(0, after.Traffic[0].State.InFlight);
    }

    [Fact]
    public void Follow_ADocumentThatWasNeverSound_HasNoTraffic() =>
        Assert.Empty(ServiceModel.Follow(null, new StoredDocument("demo", null, 0, "not a service document"), [Passing("a", "one")]).Traffic);

    private static string[] InTraffic(ServiceModel model) => [.. model.Traffic.Select(member => member.Instance.Id)];

    private static Instance Passing(string id, string deployment) => new(id, "node", "demo", "10.0.0.9", 1, deployment, "v", "passing");

    private static StoredDocument Stored(ulong index, params string[] deployments) => new(
        "demo",
        deployments.Aggregate(
            ServiceDocument.Create("demo", []),
            (document, id) => document.Promote(new Release(id, "v" + id, "image", DateTimeOffset.UnixEpoch))),
        index,
        Fault: null);
}
