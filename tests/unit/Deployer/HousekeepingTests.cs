using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class HousekeepingTests
{
    [Fact]
    public void Leftovers_ActiveAndRetiredAndHandMade_StayAndOnlyTheRestGoes()
    {
        var document = Document("v3", "v2");
        OwnContainer[] containers = [Container("v3"), Container("v2"), Container("crashed"), Container("by-hand", byHand: true)];

        Assert.Equal(["crashed-1"], Names(Housekeeping.Leftovers(document, containers)));
    }

    [Fact]
    public void Leftovers_TestsOfWhateverRelease_Go()
    {
        var tests = Container("v3") with { Name = "v3-tests", IsTests = true };

        Assert.Equal(["v3-tests", "v2-tests"], Names(Housekeeping.Leftovers(Document("v3", "v2"), [Container("v3"), tests, tests with { Name = "v2-tests", Deployment = "v2" }])));
    }

    [Fact]
    public void Leftovers_NoDocument_AreAllThatWereDeployed() =>
        Assert.Equal(["crashed-1"], Names(Housekeeping.Leftovers(null, [Container("crashed"), Container("by-hand", byHand: true)])));

    [Theory]
    [InlineData("running", "", true)]
    [InlineData("running", "another", true)]
    [InlineData("running", "d1", false)]
    [InlineData("created", "", false)]
    [InlineData("exited", "", false)]
    [InlineData("restarting", "", false)]
    [InlineData("tests", "", false)]
    public void Unknown_WhatRunsAndIsNotRegistered_MayServeByAnotherConsul(string state, string registered, bool unknown)
    {
        var container = Container("d1", running: state is "running" or "restarting" or "tests") with { IsRestarting = state == "restarting", IsTests = state == "tests" };
        Instance[] instances = registered.Length == 0 ? [] : [Instance("i1") with { Deployment = registered }];

        Assert.Equal(unknown ? ["d1-1"] : [], Names(Housekeeping.Unknown([container], instances)));
    }

    // Of a deployment that one of several hosts has registered, this is the Consul.
    [Fact]
    public void Unknown_OneReplicaOfSeveralIsRegistered_NoneIs() =>
        Assert.Empty(Housekeeping.Unknown([Container("d1"), Container("d1") with { Host = "prod2", Id = "id-2" }], [Instance("i1") with { Deployment = "d1" }]));

    [Theory]
    [InlineData("", null, "")]
    [InlineData("silent silent", null, "p0 p1")]
    [InlineData("silent serves", "p1", "p0")]
    [InlineData("serves serves", "p0", "")]
    [InlineData("unknown ill serves", "p2", "")]
    [InlineData("unknown ill silent", null, "p2")]
    public void Serving_AProxyThatKnowsTheService_IsTheFirst(string proxies, string? told, string silent)
    {
        var answers = proxies.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select((answer, number) => (
                Proxy: Instance($"p{number}") with { Health = answer == "ill" ? "critical" : "passing" },
                Answer: answer switch { "serves" => new ProxyAnswer(7, Fault: null, []), "unknown" => ProxyAnswer.NoService, _ => null }))
            .ToDictionary(pair => pair.Proxy, pair => pair.Answer);

        Assert.Equal(told, Housekeeping.Serving(answers)?.Id);
        Assert.Equal(silent, string.Join(' ', Housekeeping.Silent(answers).Select(proxy => proxy.Id)));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("silent unknown", "")]
    [InlineData("old v1", "")]
    [InlineData("silent v1,v3 v3", "v3 p1")]
    [InlineData("v4 v3,v4", "v3 p1, v4 p0")]
    public void Served_WhatAProxyHasInTheTraffic_StaysForIt(string proxies, string told)
    {
        // One of a version that tells of no releases.
        var answers = proxies.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select((answer, number) => (Proxy: Instance($"p{number}"), Answer: answer switch
            {
                "silent" => null,
                "unknown" => ProxyAnswer.NoService,
                "old" => new ProxyAnswer(7, Fault: null, []),
                _ => new ProxyAnswer(7, Fault: null, [], [.. answer.Split(',').Select(deployment => new ProxiedRelease(deployment, new ProxiedCounters(0, 0, [])))]),
            }))
            .ToDictionary(pair => pair.Proxy, pair => pair.Answer);

        Assert.Equal(told, string.Join(", ", Housekeeping.Served(["v3", "v4", "v3"], answers).Select(one => $"{one.Deployment} {one.Proxy.Id}")));
    }

    [Theory]
    [InlineData(Outcome.Promoted, true)]
    [InlineData(Outcome.Changed, true)]
    [InlineData(Outcome.Reverted, true)]
    [InlineData(Outcome.Rejected, false)]
    [InlineData(Outcome.Unhealthy, false)]
    [InlineData(Outcome.Aborted, false)]
    public void HadTraffic_WhatACommittedChangeNames_AndNothingElse(Outcome outcome, bool had)
    {
        var entry = new HistoryEntry { Number = 1, Service = "demo", Action = "deploy", Outcome = outcome, Who = "ci", At = DateTimeOffset.UnixEpoch, Seconds = 1, Release = Release("v2") };

        Assert.Equal(had ? ["v2"] : [], Housekeeping.HadTraffic(["v2", "never"], [entry, entry with { Release = Release("v1") }], new Dictionary<Instance, ProxyAnswer?>()));
    }

    [Theory]
    [InlineData(0, "", "v3-1 v2-1 v1-1")]
    [InlineData(1, "v3-1", "v2-1 v1-1")]
    [InlineData(2, "v3-1", "v2-1 v1-1")]
    [InlineData(10, "v3-1", "")]
    public void Retire_KeepsTheMostRecentThatHaveContainers(int keep, string stopped, string removed)
    {
        var document = Document("v4", "v3", "gone", "v2", "v1");
        OwnContainer[] containers = [Container("v4"), Container("v3"), Container("v2", running: false), Container("v1", running: false)];
        if (keep == 2)
            removed = "v1-1";

        var retirement = Housekeeping.Retire(document, containers, new Retention(keep, 0));

        Assert.Equal(stopped, string.Join(' ', Names(retirement.Stop)));
        Assert.Equal(removed, string.Join(' ', Names(retirement.Remove)));
    }

    [Fact]
    public void HadTraffic_RequestsThatNoHistoryTellsOf_AreAProxys()
    {
        var answers = new Dictionary<Instance, ProxyAnswer?>
        {
            [Instance("p0")] = null,
            [Instance("p1")] = new ProxyAnswer(7, Fault: null, [new ProxiedInstance("i1", "v3", InFlight: 1), new ProxiedInstance("i2", "v2", InFlight: 0), new ProxiedInstance("i3", "v1", InFlight: 1)]),
        };

        Assert.Equal(["v3"], Housekeeping.HadTraffic(["v2", "v3"], [], answers));
    }

    [Fact]
    public void Retire_TheWarmOnes_KeepRunning()
    {
        var retirement = Housekeeping.Retire(Document("v4", "v3", "v2", "v1"), [Container("v3"), Container("v2"), Container("v1")], new Retention(Keep: 2, Warm: 1));

        Assert.Equal(["v2-1"], Names(retirement.Stop));
        Assert.Equal(["v1-1"], Names(retirement.Remove));
    }

    [Fact]
    public void Retire_MadeAndNeverStarted_IsRemovedThoughItsReleaseIsKept()
    {
        var unused = Container("v1", running: false) with { Id = "unused", IsUnused = true };

        var retirement = Housekeeping.Retire(Document("v2", "v1"), [Container("v1"), unused], new Retention(Keep: 1, Warm: 1));

        Assert.Empty(retirement.Stop);
        Assert.Equal([unused], retirement.Remove);
    }

    [Fact]
    public void Retire_HandMadeContainerBeyondKeep_IsStoppedAndNeverRemoved()
    {
        var retirement = Housekeeping.Retire(Document("v2", "hand"), [Container("hand", byHand: true)], new Retention(0, 0));

        Assert.Equal(["hand-1"], Names(retirement.Stop));
        Assert.Empty(retirement.Remove);
    }

    [Theory]
    [InlineData("", "v3-1", "v2-1")]
    [InlineData("v3", "", "v2-1")]
    [InlineData("v2", "v3-1", "")]
    [InlineData("v4 v9", "v3-1", "v2-1")]
    public void Without_WhatAProxyServesAllTheSame_Stays(string served, string stopped, string removed)
    {
        var retirement = Housekeeping.Retire(Document("v4", "v3", "v2"), [Container("v4"), Container("v3"), Container("v2")], new Retention(Keep: 1, Warm: 0)).Without(served.Split(' ').ToHashSet());

        Assert.Equal(stopped, string.Join(' ', Names(retirement.Stop)));
        Assert.Equal(removed, string.Join(' ', Names(retirement.Remove)));
    }

    [Fact]
    public void Find_NeverPromoted_SaysSo() =>
        AssertRefused("demo has never been promoted, so there is nothing to return to: deploy it first, or look at 'deployer status'", null, null);

    [Fact]
    public void Find_NoReleaseBefore_SaysSo() =>
        AssertRefused("demo has no release before v1, so there is nothing to return to: 'deployer history demo' has what was deployed", Document("v1"), null);

    [Fact]
    public void Find_UnknownVersion_ListsWhatThereIs() => AssertRefused(
        "demo has no retired release of the version 'v9', and none whose deployment id begins so. There is: v2 (deployment v2).", Document("v3", "v2", "v1"), "v9", Container("v2"));

    [Fact]
    public void Find_ContainersGone_ListsWhatThereIs()
    {
        AssertRefused("the containers of demo v1 (deployment v1) are gone. There is: v2 (deployment v2).", Document("v3", "v2", "v1"), "v1", Container("v2"));
        AssertRefused(
            "the containers of demo v2 (deployment v2) are gone. No retired release has containers left: deploy the version again instead.", Document("v3", "v2"), null);
    }

    [Fact]
    public void Find_KeptRelease_BecomesActive()
    {
        var after = RollbackTarget.Find("demo", Document("v3", "v2", "v1"), "v1", [Container("v1")]);

        Assert.Equal("v1", after.Active!.Version);
        Assert.Equal(["v3", "v2"], after.Retired.Select(release => release.Version));
    }

    [Theory]
    [InlineData("v1", "older")]
    [InlineData("old", "older")]
    [InlineData("older", "older")]
    [InlineData("v0", "v0")]
    public void Find_AVersionOrADeployment_TakesTheNewestThatIsKept(string to, string deployment)
    {
        var document = Document("v3") with { Retired = [Retired("newer") with { Version = "v1" }, Retired("older") with { Version = "v1" }, Retired("v0")] };

        Assert.Equal(deployment, RollbackTarget.Find("demo", document, to, [Container("older"), Container("v0")]).Active!.Deployment);
    }

    [Fact]
    public void Find_TheBeginningOfTwoDeployments_IsRefused() => AssertRefused(
        "'ol' is the beginning of 2 deployments of demo: give more of it. There is: older (deployment older), old (deployment old).",
        Document("v3", "older", "old"), "ol", Container("older"), Container("old"));

    [Theory]
    [InlineData(1, 4, "demo v1 (deployment v1) has 1 container, and 4 of v2 serve now: 'deployer scale demo 4' brings the others")]
    [InlineData(2, 2, null)]
    [InlineData(3, 2, null)]
    [InlineData(1, 0, null)]
    public void Shortfall_FewerThanServeNow_IsTold(int kept, int serving, string? told)
    {
        OwnContainer[] containers = [Container("v1"), .. Enumerable.Repeat(Container("v2"), serving), Container("v2", running: false)];

        Assert.Equal(told, RollbackTarget.Shortfall(Document("v2", "v1"), Release("v1"), kept, containers));
    }

    private static void AssertRefused(string sentence, ServiceDocument? document, string? version, params OwnContainer[] containers)
    {
        var refusal = Assert.Throws<ServiceMesh.Deployer.DeliveryException>(() => RollbackTarget.Find("demo", document, version, containers));
        Assert.Equal(ServiceMesh.Deployer.ExitCode.WrongInput, refusal.Code);
        Assert.Equal(sentence, refusal.Message);
    }

    private static ServiceDocument Document(string active, params string[] retired) =>
        ServiceDocument.Create("demo", []) with { Active = Release(active), Retired = [.. retired.Select(Retired)] };

    private static Release Release(string name) => new(name, name, $"demo@sha256:{name}", DateTimeOffset.UnixEpoch);

    private static RetiredRelease Retired(string name) => new(name, name, $"demo@sha256:{name}", DateTimeOffset.UnixEpoch);

    private static OwnContainer Container(string deployment, bool running = true, bool byHand = false) =>
        new("prod", $"id-{deployment}", $"{deployment}-1", deployment, deployment, running, byHand);

    private static Instance Instance(string id) => new(id, "n", "demo", "10.0.0.9", 1, "d", "v1", "passing");

    private static IEnumerable<string> Names(IEnumerable<OwnContainer> containers) => containers.Select(container => container.Name);
}
