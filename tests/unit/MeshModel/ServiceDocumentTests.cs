using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class ServiceDocumentTests
{
    private static readonly Route Demo = new(Host: null, "/demo", StripPath: true);

    [Fact]
    public void Promote_FirstRelease_IsActiveWithoutRetired()
    {
        var document = ServiceDocument.Create("demo", [Demo]).Promote(Release("d1", "v1"));

        Assert.Equal("d1", document.Active?.Deployment);
        Assert.Empty(document.Retired);
    }

    [Fact]
    public void Promote_NextRelease_RetiresTheActiveOneFirst()
    {
        var document = Promoted("d1", "d2", "d3");

        Assert.Equal("d3", document.Active?.Deployment);
        Assert.Equal(["d2", "d1"], document.Retired.Select(release => release.Deployment));
    }

    [Fact]
    public void Promote_TheActiveReleaseAgain_ChangesOnlyTheRoutes()
    {
        var other = new Route("shop.example", "/", StripPath: false);
        var before = Promoted("d1", "d2");

        var after = before.Promote(before.Active!, [other]);

        Assert.Equal(before with { Routes = after.Routes, Retired = after.Retired }, after);
        Assert.Equal([other], after.Routes);
        Assert.Equal(["d1"], after.Retired.Select(release => release.Deployment));
    }

    [Theory]
    [InlineData("d3", "/new", true)]
    [InlineData("d4", "/demo", false)]
    public void Promote_WithASplit_TakesWhatWaitsThereForItsOwnReleaseOnly(string promoted, string path, bool sticky)
    {
        var before = Promoted("d1", "d2") with
        {
            Split = new Split(Release("d3", "v3"), 10) { Routes = [Demo with { Path = "/new" }], Traffic = new TrafficPolicy { Sticky = true } },
        };

        var after = before.Promote(Release(promoted, "v"));

        Assert.Equal((path, sticky, null), (Assert.Single(after.Routes).Path, after.Traffic.Sticky, after.Split));
        Assert.Equal("/told", Assert.Single(before.Promote(Release(promoted, "v"), [Demo with { Path = "/told" }]).Routes).Path);
    }

    [Fact]
    public void Rollback_ToAnyRelease_BringsTheRoutesAndTheTrafficThatItHad()
    {
        var (sticky, first) = (new TrafficPolicy { Sticky = true }, new TrafficPolicy { Balance = Balance.First });
        // The third changes nothing, the fourth its routes alone.
        var document = Promoted("d1")
            .Promote(Release("d2", "v2"), [Demo with { Upstream = UpstreamProtocol.H2c }], sticky)
            .Promote(Release("d3", "v3"))
            .Promote(Release("d4", "v4"), [Demo with { Path = "/new" }])
            .Promote(Release("d5", "v5"), traffic: first);

        foreach (var after in new[] { document, document.Rollback("d2")!, document.Rollback("d1")!.Rollback()! })
        {
            // As it is read again.
            Assert.Null(DocumentFormat.TryRead("demo", DocumentFormat.Write(after), out var read));
            Assert.Equal((Demo, TrafficPolicy.Default), Settings("d1"));
            Assert.Equal((Demo with { Upstream = UpstreamProtocol.H2c }, sticky), Settings("d2"));
            Assert.Equal((Demo with { Upstream = UpstreamProtocol.H2c }, sticky), Settings("d3"));
            Assert.Equal((Demo with { Path = "/new" }, sticky), Settings("d4"));
            Assert.Equal((Demo with { Path = "/new" }, first), Settings("d5"));

            (Route, TrafficPolicy) Settings(string deployment)
            {
                var there = read!.Active!.Deployment == deployment ? read : read.Rollback(deployment)!;
                return (Assert.Single(there.Routes), there.Traffic);
            }
        }
    }

    [Fact]
    public void Promote_WithoutNewSettings_KeepsNoneOfThemTwice()
    {
        Assert.All(Promoted("d1", "d2", "d3").Retired, release => Assert.Equal((null, null), (release.Routes, release.Traffic)));

        var changed = Promoted("d1", "d2", "d3").Promote(Release("d4", "v4"), [Demo with { Path = "/new" }]);

        Assert.Equal([Demo], changed.Retired[0].Routes);
        Assert.Null(changed.Retired[0].Traffic);
        Assert.All(changed.Retired.Skip(1), release => Assert.Equal((null, null), (release.Routes, release.Traffic)));
    }

    // As an earlier version wrote it.
    [Fact]
    public void Rollback_ToAReleaseWhoseSettingsNobodyKept_LeavesThemAsTheyAre()
    {
        var before = Promoted("d1", "d2") with { Routes = [Demo with { Path = "/new" }], Traffic = new TrafficPolicy { Sticky = true } };

        var after = before.Rollback()!;

        Assert.Equal((before.Routes, before.Traffic), (after.Routes, after.Traffic));
        Assert.IsNotType<RetiredRelease>(after.Active);
    }

    [Fact]
    public void Promote_ARetiredRelease_IsNoLongerAmongTheRetired()
    {
        var document = Promoted("d1", "d2").Promote(Release("d1", "v1"));

        Assert.Equal(Stage.Active, document.StageOf("d1"));
        Assert.Equal(["d2"], document.Retired.Select(release => release.Deployment));
    }

    [Fact]
    public void Promote_MoreThanTheLimit_ForgetsTheOldest()
    {
        var deployments = Enumerable.Range(0, ServiceDocument.RetiredLimit + 5).Select(n => $"d{n}").ToArray();

        var document = Promoted(deployments);

        Assert.Equal(ServiceDocument.RetiredLimit, document.Retired.Count);
        Assert.Equal(Stage.Candidate, document.StageOf("d0"));
        Assert.Equal(deployments[^2], document.Previous?.Deployment);
    }

    [Fact]
    public void Promote_RoutesThatAreLongAndChangeEachTime_ForgetsTheOldestSoThatTheNextFits()
    {
        var document = ServiceDocument.Create("demo", [Demo]);
        foreach (var n in Enumerable.Range(0, 20))
        {
            var policy = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-Policy"] = new string((char)('a' + n), 4000) };
            var route = Demo with { ResponseHeaders = new HeaderChanges { Set = policy } };
            document = document.Promote(Release($"d{n}", $"v{n}"), [route, route with { Path = "/other" }]);
            Assert.Null(DocumentFormat.TryRead("demo", DocumentFormat.Write(document), out _));
        }

        Assert.Equal(["d18", "d17"], document.Retired.Take(2).Select(release => release.Deployment));
        Assert.NotEqual(document.Routes, document.Rollback()!.Routes);
    }

    [Fact]
    public void Rollback_Twice_IsWhereItBegan()
    {
        var document = Promoted("d1", "d2");

        var back = document.Rollback();
        var forth = back?.Rollback();

        Assert.Equal("d1", back?.Active?.Deployment);
        Assert.Equal("d2", forth?.Active?.Deployment);
    }

    [Fact]
    public void Rollback_ToADeployment_MakesItActive() =>
        Assert.Equal(("d1", "d3"), (Promoted("d1", "d2", "d3").Rollback("d1")?.Active?.Deployment, Promoted("d1", "d2", "d3").Rollback("d1")?.Previous?.Deployment));

    [Fact]
    public void Rollback_WithoutATarget_IsNull()
    {
        Assert.Null(Promoted("d1").Rollback());
        Assert.Null(Promoted("d1", "d2").Rollback("d9"));
    }

    [Theory]
    [InlineData("d3", Stage.Active)]
    [InlineData("d2", Stage.Retired)]
    [InlineData("d1", Stage.Retired)]
    [InlineData("d4", Stage.Candidate)]
    [InlineData("", Stage.Candidate)]
    public void StageOf_EachDeployment_FollowsTheDocument(string deployment, Stage stage) =>
        Assert.Equal(stage, Promoted("d1", "d2", "d3").StageOf(deployment));

    [Fact]
    public void StageOf_AnInstanceThatLeaves_IsRetired_UntilTheNextPromotion()
    {
        var document = Promoted("d1", "d2") with { Leaving = ["h:d2-2:80", "h:d3-1:80"] };

        Assert.Equal(Stage.Active, document.StageOf("d2", "h:d2-1:80"));
        Assert.Equal(Stage.Retired, document.StageOf("d2", "h:d2-2:80"));
        Assert.Equal(Stage.Candidate, document.StageOf("d3", "h:d3-1:80"));
        Assert.Equal(Stage.Active, document.Promote(document.Active!).StageOf("d2", "h:d2-2:80"));
    }

    private static ServiceDocument Promoted(params string[] deployments) =>
        deployments.Aggregate(ServiceDocument.Create("demo", [Demo]), (document, id) => document.Promote(Release(id, "v" + id[1..])));

    private static Release Release(string deployment, string version) =>
        new(deployment, version, "localhost:5000/demo@sha256:" + new string('0', 64), DateTimeOffset.UnixEpoch);
}
