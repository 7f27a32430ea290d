using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed partial class ServiceModelTests
{
    private static readonly DateTimeOffset T0 = DateTimeOffset.UnixEpoch;
    private static readonly StoredDocument V1 = Stored(1, "one");
    private static readonly StoredDocument V2 = Stored(2, "one", "two");

    [Fact]
    public void Follow_Candidates_GetNoTraffic() =>
        Assert.Equal(["a"], InTraffic(Follow(null, V1, [Passing("a", "one"), Passing("b", "two"), Passing("c", "stranger")])));

    [Fact]
    public void Follow_APromotion_MovesTheTrafficAndKeepsTheCounters()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one"), Passing("b", "two")];
        var before = Found(Follow(null, V1, instances), "b", FindingKind.Answers);
        before.Traffic[0].State.Enter();

        var after = Follow(before, V2, instances);

        Assert.Equal(["b"], InTraffic(after));
        var retired = Assert.Single(after.Members, member => member.Stage == Stage.Retired);
        Assert.Equal(1, retired.State.InFlight);
    }

    [Fact]
    public void Follow_AnInstanceThatIsToLeave_DrainsAtOnceWhileItsReleaseServes()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one"), Passing("b", "one")];

        var after = Follow(Follow(null, V1, instances), new StoredDocument("demo", V1.Document! with { Leaving = ["b"] }, 2, null), instances);

        Assert.Equal(["a"], InTraffic(after));
        Assert.Equal((Stage.Retired, T0 + TrafficPolicy.DefaultDrain), (after.Members[1].Stage, after.Members[1].DrainsUntil!.Value));
    }

    [Theory]
    [InlineData("10.0.0.9", 70000, "port 70000 is no TCP port: register 1 to 65535")]
    [InlineData("10.0.0.9", -1, "port -1 is no TCP port: register 1 to 65535")]
    [InlineData("a b", 80, "address 'a b' is neither a host name nor an IP address: register one")]
    [InlineData("", 80, "address '' is neither a host name nor an IP address: register one")]
    [InlineData("a/b", 80, "address 'a/b' is neither a host name nor an IP address: register one")]
    [InlineData("[::1]", 80, "address '[::1]' is neither a host name nor an IP address: register one")]
    public void Follow_AnAddressThatIsNone_IsSetAsideAloneWithItsReason(string address, int port, string fault)
    {
        var model = Follow(null, V1, [Passing("a", "one"), Passing("b", "one") with { Address = address, Port = port }]);

        Assert.Equal(["a"], InTraffic(model));
        Assert.Equal(fault, model.Members[1].Fault);
        Assert.Null(ProbeMode.Of(model.Members[1], V1.Document));
        Assert.Equal(["a"], model.PoolOf("one").Members.Select(member => member.Instance.Id));
    }

    [Theory]
    [InlineData("10.0.0.9")]
    [InlineData("fd00::9")]
    [InlineData("my_host.example")]
    public void Follow_AnAddressOfAnyKind_IsInTheTraffic(string address) =>
        Assert.Single(Follow(null, V1, [Passing("a", "one") with { Address = address }]).Traffic);

    [Fact]
    public void Follow_AnUnhealthyInstance_LeavesTheTraffic() =>
        Assert.Equal(["a"], InTraffic(Follow(null, V1, [Passing("a", "one"), Passing("b", "one") with { Health = "critical" }])));

    [Fact]
    public void Follow_AWarning_StaysInTheTraffic() =>
        Assert.Equal(["a"], InTraffic(Follow(null, V1, [Passing("a", "one") with { Health = "warning" }])));

    [Fact]
    public void Follow_AllUnhealthy_KeepsThoseThatWereInTheTrafficLast()
    {
        var dead = Passing("dead", "one") with { Health = "critical" };
        var before = Follow(null, V1, [dead, Passing("a", "one"), Passing("b", "one")]);

        var after = Follow(before, V1, [dead, Passing("a", "one") with { Health = "critical" }, Passing("b", "one") with { Health = "maintenance" }]);

        Assert.Equal(["a", "b"], InTraffic(after));
    }

    [Fact]
    public void Follow_AllUnhealthyFromTheStart_SendsToAllRatherThanToNone() =>
        Assert.Equal(["a"], InTraffic(Follow(null, V1, [Passing("a", "one") with { Health = "critical" }])));

    [Fact]
    public void Follow_NothingChanged_IsTheSameObject()
    {
        IReadOnlyList<Instance> instances = [Passing("a", "one")];
        var before = Follow(null, V1, instances);

        Assert.Same(before, Follow(before, V1, instances));
    }

    [Fact]
    public void Follow_TheSameIdOnAnotherPort_IsAnotherInstanceWithItsOwnCounter()
    {
        var before = Follow(null, V1, [Passing("a", "one")]);
        before.Traffic[0].State.Enter();

        var after = Follow(before, V1, [Passing("a", "one") with { Port = 2 }]);

        Assert.Equal(0, after.Traffic[0].State.InFlight);
    }

    [Fact]
    public void Follow_ADocumentThatWasNeverSound_HasNoTraffic() =>
        Assert.Empty(Follow(null, new StoredDocument("demo", null, 0, "not a service document"), [Passing("a", "one")]).Traffic);

    [Fact]
    public void Follow_ANewInstanceBesideOneThatServes_WaitsForItsProbe()
    {
        var before = Served("a");
        var after = Follow(before, V1, [Passing("a", "one"), Passing("b", "one")]);
        Assert.Equal(["a"], InTraffic(after));

        Assert.Equal(["a", "b"], InTraffic(Found(after, "b", FindingKind.Answers)));
    }

    [Fact]
    public void Follow_AnInstanceThatFailsItsProbes_LeavesAndItsRequestsGoOn()
    {
        var after = Found(Served("a", "b"), "a", FindingKind.AnswersNotAnyMore);

        Assert.Equal(["b"], InTraffic(after));
        Assert.Null(after.Members[0].DrainsUntil);
    }

    [Fact]
    public void Follow_AnEjectedInstance_IsOutUntilItsTimeAndThenUntilItsProbe()
    {
        var ejected = Found(Served("a", "b"), "a", FindingKind.Ejectable);
        Assert.Equal(["b"], InTraffic(ejected));
        Assert.Equal(T0.AddSeconds(10), ejected.ChangesAt(T0));

        var over = Look(ejected, T0.AddSeconds(10));
        Assert.Equal(["b"], InTraffic(over));
        Assert.Equal(["a", "b"], InTraffic(Found(over, "a", FindingKind.Answers)));
    }

    [Fact]
    public void Follow_EveryoneIsEjected_HalfStays()
    {
        var model = "abcd".Aggregate(Served("a", "b", "c", "d"), (model, id) => Found(model, id.ToString(), FindingKind.Ejectable));

        Assert.Equal(["c", "d"], InTraffic(model));
    }

    [Fact]
    public void Follow_SlowStart_GrowsByTenths()
    {
        var stored = V1 with { Document = V1.Document! with { Traffic = new TrafficPolicy { SlowStart = TimeSpan.FromSeconds(10) } } };
        var model = Follow(null, stored, [Passing("a", "one") with { Weight = 3 }]);

        var weights = Enumerable.Range(0, 12).Select(second => Look(model, T0.AddSeconds(second)).Traffic[0].Weight);

        Assert.Equal([3, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 30], weights);
        Assert.Equal(T0.AddSeconds(2), model.ChangesAt(T0));
        Assert.Null(Look(model, T0.AddSeconds(10)).ChangesAt(T0.AddSeconds(10)));
    }

    private static ServiceModel Served(params string[] ids) => ids.Aggregate(
        Follow(null, V1, [.. ids.Select(id => Passing(id, "one"))]), (model, id) => Found(model, id, FindingKind.Answers));

    private static ServiceModel Found(ServiceModel model, string id, FindingKind kind) => ServiceModel.Follow(
        model, model.Told, model.Instances, new Moment(T0, new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal)
        {
            ["demo"] = [new HealthFinding(model.Members.Single(member => member.Instance.Id == id).State, kind)],
        }));

    private static ServiceModel Look(ServiceModel model, DateTimeOffset now) => ServiceModel.Follow(model, model.Told, model.Instances, At(now));

    private static Moment At(DateTimeOffset now) => new(now, new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal) { ["demo"] = [] });

    private static ServiceModel Follow(ServiceModel? before, StoredDocument stored, IReadOnlyList<Instance> instances) =>
        ServiceModel.Follow(before, stored, instances, new Moment(T0));

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
