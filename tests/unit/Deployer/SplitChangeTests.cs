using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class SplitChangeTests
{
    private static readonly Release V1 = new("d1", "v1", "demo@sha256:1", DateTimeOffset.UnixEpoch);
    private static readonly Release V2 = V1 with { Deployment = "d2", Version = "v2" };

    private static readonly ServiceManifest Manifest = new()
    {
        Name = "demo",
        Image = new ImageReference("demo", null),
        Port = 80,
        Routes = [new Route(null, "/demo", StripPath: true)],
    };

    private static readonly ServiceDocument Document = ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: true)]).Promote(V1);

    [Fact]
    public void Of_AManifestThatChangesTheTrafficToo_KeepsItForThePromotion()
    {
        var sticky = Manifest with { Traffic = new TrafficPolicy { Sticky = true } };

        Assert.Equal(new Split(V2, 0), SplitChange.Of(Manifest, V2, Document));
        Assert.Equal(new Split(V2, 0) { Routes = sticky.Routes, Traffic = sticky.Traffic }, SplitChange.Of(sticky, V2, Document));
    }

    [Fact]
    public void Conflict_AnAbReleaseWhereASplitIs_IsRefused()
    {
        var ab = Manifest with { Strategy = new Strategy(Ab: new AbPolicy(10, Header: null, Cookie: null)) };
        var split = Document with { Split = new Split(V2, 10) };

        Assert.Equal("demo is split with v2 already: end that by 'deployer abort demo' or 'deployer promote' first", SplitChange.Conflict(ab, split));
        Assert.All([SplitChange.Conflict(ab, Document), SplitChange.Conflict(ab, null), SplitChange.Conflict(Manifest, split)], Assert.Null);
    }

    // Another candidate's id may begin as that of the split's release does.
    [Theory]
    [InlineData("d2", null, "'d2' is the beginning of 2 deployments. The candidates are: i1 (deployment d2, critical), i2 (deployment d2x, passing).")]
    [InlineData("", null, "nothing of demo begins with ''. The candidates are: i1 (deployment d2, critical), i2 (deployment d2x, passing).")]
    [InlineData("i1", "0 % of the requests to v2, the others to v1", null)]
    public async Task Apply_ByTheBeginningOfAnId_IsTheOneCandidateThatIsMeant(string prefix, string? what, string? refusal)
    {
        using var consul = new LocalServer(path => path.StartsWith("/v1/health/", StringComparison.Ordinal) ? $"[{Entry("i1", "d2", "critical")},{Entry("i2", "d2x", "passing")}]" : "true");
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);
        var applying = new SplitChange(mesh).ApplyAsync(
            Document with { Split = new Split(V2, 10) }, new SplitInput("demo", prefix, 0, Header: null, Cookie: null), TestContext.Current.CancellationToken);

        var error = await Record.ExceptionAsync(() => applying);

        Assert.Equal(refusal, (error as DeliveryException)?.Message);
        // Of one that is ill, too, for it may get fewer.
        Assert.Equal(what, error is null ? (await applying).What : null);
    }

    // By its own id, of which its containers are gone, as without one.
    [Fact]
    public async Task Apply_TheSplitsReleaseIsGone_ItsShareMayChangeNevertheless()
    {
        using var consul = new LocalServer(path => path.StartsWith("/v1/health/", StringComparison.Ordinal) ? $"[{Entry("i3", "d3", "passing")}]" : "true");
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);

        var (after, _) = await new SplitChange(mesh).ApplyAsync(
            Document with { Split = new Split(V2, 10) }, new SplitInput("demo", "d2", 0, Header: null, Cookie: null), TestContext.Current.CancellationToken);

        Assert.Equal(new Split(V2, 0), after.Split);
    }

    [Fact]
    public void ActiveAlone_AnUnfinishedSplit_IsOverWithAllThatLeftForItsSake()
    {
        var scaled = Document with { Leaving = ["one"] };

        Assert.Equal(scaled, Reversion.ActiveAlone(scaled));
        Assert.Equal(Document, Reversion.ActiveAlone(scaled with { Split = new Split(V2, 10) }));
    }

    private static string Entry(string id, string deployment, string health) =>
        $$$"""{"Node":{"Node":"n"},"Service":{"ID":"{{{id}}}","Service":"demo","Meta":{"mesh-deployment":"{{{deployment}}}"}},"Checks":[{"CheckID":"c","Status":"{{{health}}}"}]}""";
}
