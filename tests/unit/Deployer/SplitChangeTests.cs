using ServiceMesh.Deployer.Delivery;
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

    [Fact]
    public void ActiveAlone_AnUnfinishedSplit_IsOverWithAllThatLeftForItsSake()
    {
        var scaled = Document with { Leaving = ["one"] };

        Assert.Equal(scaled, Reversion.ActiveAlone(scaled));
        Assert.Equal(Document, Reversion.ActiveAlone(scaled with { Split = new Split(V2, 10) }));
    }
}
