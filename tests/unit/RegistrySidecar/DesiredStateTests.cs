using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using Xunit;
using static ServiceMesh.Tests.Unit.RegistrySidecar.Given;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class DesiredStateTests
{
    private static readonly ContainerFacts Pod = Container("pause", "pod", []);
    private static readonly ContainerFacts Web =
        Container("nginx", "web", ["80/tcp"]) with { NetworkMode = $"container:{Pod.Id}", Networks = new Dictionary<string, string>() };

    private readonly DesiredState desired = new();

    [Fact]
    public void Update_DocumentChanges_ChangesEveryStage()
    {
        var container = Container("demo", "demo", ["80/tcp=8080"]);
        desired.Update([container], Context());

        desired.Update([container], Context(documents: Documents(Document("demo", container.Id))));

        Assert.Equal("active", Assert.Single(desired.Instances).Registration.Tags![0]);
    }

    [Fact]
    public void Update_AgentIsAnotherVersion_IsUnderstoodAnew()
    {
        var container = Container("demo", "demo", ["80/tcp=8080"], ["SERVICE_CHECK_FAILURES_BEFORE_CRITICAL=3"]);
        var documents = Documents();

        Assert.Single(Assert.Single(desired.Update([container], Context(documents: documents, agent: "1.6.2"))).Mapped.Warnings);
        Assert.Empty(Assert.Single(desired.Update([container], Context(documents: documents, agent: "1.8.7"))).Mapped.Warnings);
    }

    [Fact]
    public void Update_ContainerEnds_IsNoLongerDesired()
    {
        var container = Container("demo", "demo", ["80/tcp=8080"]);
        desired.Update([container], Context());

        desired.Update([], Context());

        Assert.Empty(desired.Instances);
    }

    [Fact]
    public void Update_NetworkOwnerComesMovesAndGoes_IsFollowed()
    {
        // The documents are the same object, so that only the container's change can be the reason.
        var documents = Documents();
        List<string?> addresses = [];
        ContainerFacts[][] moments = [[Web], [Web, Pod], [Web, Pod with { Networks = new Dictionary<string, string> { ["bridge"] = "172.17.0.9" } }], [Web]];
        foreach (var running in moments)
        {
            desired.Update(running, Context(documents: documents, others: running));
            addresses.Add(desired.Instances.SingleOrDefault()?.Registration.Address);
        }

        Assert.Equal([null, "172.17.0.5", "172.17.0.9", null], addresses);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Update_NotKnownWhetherTheNetworkOwnerRuns_StaysAsItWasUntilItIs(bool wasKnown)
    {
        var documents = Documents();
        if (wasKnown)
            desired.Update([Web, Pod], Context(documents: documents, others: [Pod]));
        var unknown = Context(documents: documents) with { IsUndecided = id => id == Pod.Id };

        desired.Update([Web], unknown);
        Assert.Equal((true, wasKnown ? 1 : 0), (desired.IsUndecided(Web.Id), desired.Instances.Count));

        // Nothing comes and nothing goes; it only turns out that the owner does not run.
        desired.Update([Web], Context(documents: documents));
        Assert.Equal((false, 0), (desired.IsUndecided(Web.Id), desired.Instances.Count));
    }

    [Fact]
    public void Update_OneCannotBeUnderstood_StaysAsItWasAndTheOthersGoOn()
    {
        var container = Container("demo", "demo", ["80/tcp=8080"]);
        desired.Update([Web, container], Context(others: [Pod]));
        var broken = Context(documents: Documents(Document("demo", container.Id))) with { FindContainer = _ => throw new InvalidOperationException("a fault") };

        var news = Assert.Single(desired.Update([Web, container], broken));

        Assert.Equal(Web.Id, news.Container.Id);
        Assert.Contains("a fault", Assert.Single(news.Mapped.Warnings), StringComparison.Ordinal);
        Assert.Equal(
            ["h1:web:80 172.17.0.5 candidate", "h1:demo:80 10.0.0.9 active"],
            desired.Instances.Select(one => $"{one.Registration.ID} {one.Registration.Address} {one.Registration.Tags![0]}"));
        Assert.Equal((true, false), (desired.IsUndecided(Web.Id), desired.IsUndecided(container.Id)));
        Assert.Empty(desired.Update([Web, container], broken with { Documents = Documents(Document("demo", container.Id)) }));
    }

    [Fact]
    public void Update_SameWarningAgain_IsNotTold()
    {
        var container = Container("demo", "demo", ["80/tcp=8080"], ["SERVICE_CHECK_INTERVAL=x"]);

        Assert.Single(desired.Update([container], Context()));
        Assert.Empty(desired.Update([container with { Name = "renamed" }], Context()));
        Assert.Single(desired.Update([container with { Env = [] }], Context()));
    }
}
