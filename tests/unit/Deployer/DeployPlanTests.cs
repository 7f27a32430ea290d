using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Verbs;
using ServiceMesh.Policy;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class DeployPlanTests
{
    private static readonly Release V1 = new("b7qabcdefghijklmnopqrstuv1", "v1", $"r:5000/demo@sha256:{new string('1', 64)}", default);
    private static readonly Release V2 = new("k3vabcdefghijklmnopqrstuv2", "v2", $"r:5000/demo@sha256:{new string('2', 64)}", default);
    private static readonly Release V3 = new("newabcdefghijklmnopqrstuv3", "v3", $"r:5000/demo@sha256:{new string('3', 64)}", default);

    private static readonly ServiceManifest Manifest = new()
    {
        Name = "demo",
        Image = new ImageReference("r:5000/demo", null),
        Port = 8080,
        Routes = [new Route(null, "/demo", StripPath: true), new Route("new.example", "/", StripPath: false)],
        Replicas = 3,
        Strategy = new Strategy(Canary: new CanaryPolicy { Steps = [10, 12.5] }),
        Tests = [new TestPolicy { Image = new ImageReference("r:5000/demo-tests", null) }],
        Traffic = new TrafficPolicy { Sticky = true, Retries = new RetryPolicy(1, 0.2), Drain = TimeSpan.FromSeconds(30) },
    };

    [Fact]
    public void Table_AChangedRelease_TellsWhatChangesAndWhichContainersGo()
    {
        var before = ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: false), new Route(null, "/old", StripPath: false)])
            .Promote(V1).Promote(V2) with
        { Traffic = new TrafficPolicy { Drain = TimeSpan.FromSeconds(30) } };

        var plan = DeployPlan.Of(
            Manifest,
            V3,
            new StoredDocument("demo", before, 40, null),
            [Container("v1-1", V1.Deployment, running: false), Container("v2-1", V2.Deployment), Container("v2-2", V2.Deployment), Container("lost-1", "lost")]);

        Assert.Equal(
            [
                "WHAT|NOW|THEN",
                "version|v2|v3",
                "image|r:5000/demo@sha256:222222222222…|r:5000/demo@sha256:333333333333…",
                "replicas|2|3",
                "tests|-|r:5000/demo-tests",
                "strategy|-|canary: 10 %, 12.5 %, then all; 1m each",
                "route /demo stripPath|false|true",
                "route /old|leads here|-",
                "route /old stripPath|false|-",
                "traffic.sticky|false|true",
                "traffic.retries.attempts|2|1",
                "route new.example/|-|leads here",
                "route new.example/ stripPath|-|false",
                "container|v2-1|stopped, kept for a rollback",
                "container|v2-2|stopped, kept for a rollback",
                "container|v1-1|removed",
                "container|lost-1|removed",
                "x",
            ],
            PlanVerb.Table(new PlanReport("demo", plan, "x")).Lines().Select(line => string.Join('|', line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))));
    }

    [Fact]
    public void Of_TheFirstRelease_HasNoCanaryAndNothingBefore()
    {
        var plan = DeployPlan.Of(Manifest with { Traffic = TrafficPolicy.Default }, V3, stored: null, []);

        Assert.Equal(0ul, plan.Index);
        Assert.Contains(new PlannedChange("image", null, V3.Image), plan.Changes);
        Assert.Contains(new PlannedChange("strategy", null, "all at once"), plan.Changes);
        Assert.DoesNotContain(plan.Changes, change => change.What.StartsWith("traffic", StringComparison.Ordinal));
    }

    [Fact]
    public void Of_AnAbRelease_StaysBesideTheActiveOneOfWhichNothingGoes()
    {
        var before = ServiceDocument.Create("demo", [new Route(null, "/old", StripPath: false)]).Promote(V1).Promote(V2);
        OwnContainer[] containers = [Container("v1-1", V1.Deployment, running: false), Container("v2-1", V2.Deployment), Container("lost-1", "lost")];
        var ab = Manifest with { Strategy = new Strategy(Ab: new AbPolicy(10, Header: null, Cookie: null)), Keep = 0 };

        var plan = DeployPlan.Of(ab, V3, new StoredDocument("demo", before, 40, null), containers);

        Assert.Equal(
            [
                new("version", "v2", "v2, and v3 beside it"),
                new("image", V2.Image, $"{V2.Image}, and {V3.Image} beside it"),
                new("replicas", "1", "1, and 3 beside it"),
                new("tests", null, "r:5000/demo-tests"),
                new("strategy", null, "A/B: 10 % of the requests, until it is promoted or aborted; its routes and traffic settings wait for its promotion"),
            ],
            plan.Changes);
        Assert.Empty(plan.Stopped);
        Assert.Equal(["lost-1"], plan.Removed);
        Assert.Contains(new PlannedChange("version", null, "v3"), DeployPlan.Of(ab, V3, stored: null, []).Changes);
    }

    // The last batch takes over by the promotion, and nothing observes that.
    [Theory]
    [InlineData(1, 1, "rolling: all at once, for its 1 replica is one batch")]
    [InlineData(2, 5, "rolling: all at once, for its 2 replicas are one batch")]
    [InlineData(3, 2, "rolling: 2 at a time; 30s each")]
    public void Of_ARollingRelease_TellsWhetherItComesBatchByBatch(int replicas, int batch, string told)
    {
        var rolling = Manifest with { Replicas = replicas, Strategy = new Strategy(Rolling: new RollingPolicy { Batch = batch }) };

        var plan = DeployPlan.Of(rolling, V3, new StoredDocument("demo", ServiceDocument.Create("demo", Manifest.Routes).Promote(V2), 40, null), []);

        Assert.Contains(new PlannedChange("strategy", null, told), plan.Changes);
    }

    [Fact]
    public void Of_TestsThatWereLeft_AreNoReplicaAndGo()
    {
        var before = ServiceDocument.Create("demo", Manifest.Routes).Promote(V2);

        var plan = DeployPlan.Of(
            Manifest, V3, new StoredDocument("demo", before, 40, null), [Container("v2-1", V2.Deployment), Container("v2-tests", V2.Deployment) with { IsTests = true }]);

        Assert.Contains(new PlannedChange("replicas", "1", "3"), plan.Changes);
        Assert.Equal(["v2-1"], plan.Stopped);
        Assert.Equal(["v2-tests"], plan.Removed);
    }

    [Theory]
    [InlineData(true, "demo is under maintenance, since 1970-01-01 00:00:00 UTC: requests get 503, whatever is active. 'deployer resume demo' ends that")]
    [InlineData(false, "demo is paused, since 1970-01-01 00:00:00 UTC: requests are held for up to 30s, then get 504, whatever is active. 'deployer resume demo' lets them go")]
    public void Table_AServiceThatIsHeld_TellsThatItStaysSo(bool maintenance, string told)
    {
        var held = ServiceDocument.Create("demo", []) with
        {
            Maintenance = maintenance ? new Maintenance(DateTimeOffset.UnixEpoch) : null,
            Pause = maintenance ? null : new Pause(DateTimeOffset.UnixEpoch),
        };

        var rows = PlanVerb.Table(new PlanReport("demo", DeployPlan.Of(Manifest, V3, new StoredDocument("demo", held, 40, null), []), "x")).Rows;

        Assert.Contains(rows, row => row.SequenceEqual(["requests", told, "the same"]));
    }

    [Theory]
    [InlineData("--consul http://c:8500 plan true --version v2")]
    [InlineData("--consul http://c:8500 plan true --version v2 --json")]
    [InlineData("--consul http://c:8500 plan --json true true --version v2")]
    [InlineData("--consul http://c:8500 plan true --version v2 --json=true")]
    public void WordsOf_AskedForAsJson_AreThoseOfADeployForPeople(string line) =>
        Assert.Equal(["--consul", "http://c:8500", "deploy", "true", "--version", "v2"], PlanVerb.WordsOf(CommandLine.Root().Parse(line)));

    [Theory]
    [InlineData("deploy service.yaml --version v2", null, "deployer deploy service.yaml --version v2 --check-digest sha256:ab --check-index 7")]
    [InlineData("--consul http://c:8500 deploy it's", "v1", @"deployer --consul http://c:8500 deploy 'it'\''s' --version v1 --check-digest sha256:ab --check-index 7")]
    public void Command_WordsOfThePlan_AreSafeInAShell(string words, string? version, string command) =>
        Assert.Equal(command, PlanVerb.Command(words.Split(' '), version, new DeployPlan(7, "r:5000/demo@sha256:ab", [], [], [])));

    private static OwnContainer Container(string name, string deployment, bool running = true) =>
        new("docker", new string('c', 64), name, deployment, "", running, ByHand: false);
}
