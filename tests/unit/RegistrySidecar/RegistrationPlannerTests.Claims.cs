using Consul;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Who gives way, and what a former name registered.</summary>
public sealed partial class RegistrationPlannerTests
{
    [Fact]
    public void Plan_WhoGaveWayRuns_StaysWhereHeIsAndTheIdIsFree()
    {
        var first = Container("a", "first", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var copy = Container("b", "copy", ["80/tcp=2"], ["SERVICE_ID=x"]);
        var alone = Plan([first with { CreatedAt = DateTimeOffset.UnixEpoch }, copy], []).Wanted.Single(one => one.Container.Name == "first");
        var gaveWay = AsActual(alone);

        // The one that has the id restarts.
        Assert.Empty(Plan([first], [gaveWay]).Register);
        Assert.Empty(Plan([first], [gaveWay]).Deregister);
        Assert.Equal(["x b 10.0.0.9:2 []"], Lines(Plan([first, copy], [gaveWay])));
    }

    [Theory]
    [InlineData(InstanceMeta.Environment, "this node for the mesh 'another'; it is left alone until a sidecar of that --environment ends with --on-exit deregister")]
    [InlineData(InstanceMeta.Owner, "somebody else at the agent; it is left alone")]
    public void Plan_IdIsHeldByAnother_IsSaidToBeWhose(string key, string holder)
    {
        var actual = AsActual(Web);
        actual.Meta[key] = "another";

        Assert.Equal($"The id 'h1:web:80' of container web is registered by {holder}", Assert.Single(Plan([Web], [actual]).Conflicts));
    }

    [Fact]
    public void Plan_RenamedToAnIdThatIsHeldByAnother_KeepsWhatItHasUntilThatIsFree()
    {
        var before = AsActual(Web);
        var renamed = Web with { Name = "api" };
        var another = AsActual(renamed);
        another.Meta[InstanceMeta.Owner] = "another";

        var plan = Plan([renamed], [before, another]);
        Assert.Equal((0, 0, 1), (plan.Register.Count, plan.Deregister.Count, plan.Conflicts.Count));
        Assert.Single(Plan([renamed with { IsPaused = true }], [before, another]).Deregister);
        Assert.Single(Plan([renamed with { Health = new ContainerHealth(HealthState.Healthy, "") }], [before, another]).Deregister);

        plan = Plan([renamed], [before]);
        Assert.Equal(("h1:api:80", "h1:web:80"), (Assert.Single(plan.Register).Registration.ID, Assert.Single(plan.Deregister)));
    }

    [Fact]
    public void Plan_IdThatSeveralPortsSayIsAnothers_EachHasItsOwn()
    {
        var holder = Container("a", "holder", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var copy = Container("b", "copy", ["80/tcp=2", "81/tcp=3"], ["SERVICE_80_ID=x", "SERVICE_81_ID=h1:copy:80"]) with { CreatedAt = DateTimeOffset.MaxValue };

        Assert.Equal(
            ["h1:copy:80 b-81 10.0.0.9:3 []", "h1:copy:80:80 b-80 10.0.0.9:2 []", "x a 10.0.0.9:1 []"], Lines(Plan([copy, holder], [])));
    }

    [Fact]
    public void Plan_OwnIdIsSaidByAThird_GoesToWhoseNameItIs()
    {
        var holder = Container("a", "holder", ["80/tcp=1"], ["SERVICE_ID=x"]);
        var copy = Container("b", "copy", ["80/tcp=2"], ["SERVICE_ID=x"]) with { CreatedAt = DateTimeOffset.MaxValue };
        var third = Container("c", "third", ["80/tcp=3"], ["SERVICE_ID=h1:copy:80"]);

        Assert.Equal(
            ["h1:copy:80 b 10.0.0.9:2 []", "h1:third:80 c 10.0.0.9:3 []", "x a 10.0.0.9:1 []"], Lines(Plan([holder, third, copy], [])));
    }

    [Theory]
    [InlineData("renamed", "mesh", true, true)]
    [InlineData(null, "mesh", true, true)]
    [InlineData("renamed", "another-mesh", true, false)]
    [InlineData("renamed", "mesh", false, false)]
    public void Owns_WhatThisNodesContainersHadUnderAnotherName_IsThisNodes(string? node, string mesh, bool has, bool owns)
    {
        var service = AsActual(Web);
        service.Meta[InstanceMeta.Environment] = mesh;
        service.Meta.Remove(InstanceMeta.Owner);
        if (node is not null)
            service.Meta[InstanceMeta.Owner] = node;

        Assert.Equal(owns, new Ownership(Given.Node, "mesh") { Has = id => has && id == Web.Id }.Owns(service));
    }

    [Fact]
    public void LikelyFormerNodes_NameThatOthersBearToo_IsNamed()
    {
        var owner = new Ownership(Given.Node, "mesh") { Has = id => id == Web.Id };

        Assert.Equal(["renamed"], owner.LikelyFormerNodes([Of("renamed", Web.Id), Of("renamed", IdOf("x")), Of("other", IdOf("y")), Of("h1", IdOf("z"))]));
        Assert.Empty(owner.LikelyFormerNodes([Of("renamed", Web.Id)]));

        AgentService Of(string node, string container) => new()
        {
            Meta = new Dictionary<string, string> { [InstanceMeta.Owner] = node, [InstanceMeta.Environment] = "mesh", [InstanceMeta.Container] = container },
        };
    }
}
