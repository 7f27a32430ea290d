using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>Who has an id, and what is left of a former time.</summary>
public sealed partial class InterleavingTests
{
    [Fact]
    public async Task Reconcile_TwoSayOneId_BothAreRegisteredAndARestartMovesNeither()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        foreach (var slot in (int[])[0, 2, 1, 3])
            node.Docker.Start(slot);
        node.Connect();
        await node.PassAsync();
        Assert.Equal(["c:healthcheck", "h1:c3:80"], IdsOf(2, 3));

        node.Docker.Restart(2);
        foreach (var message in node.Docker.Undelivered)
        {
            node.Deliver(message);
            await node.PassAsync();
        }

        Assert.Equal(["c:healthcheck", "h1:c3:80"], IdsOf(2, 3));
        await node.AdvanceAsync(LongestRetry);
        await AssertEqualAndQuietAsync(node, Resync);

        IEnumerable<string> IdsOf(params int[] slots) => slots.Select(slot =>
            node.Consul.Services.Where(service => Ownership.ContainerOf(service).EndsWith($"{slot}", StringComparison.Ordinal)).Select(service => service.ID).SingleOrDefault() ?? "none");
    }

    [Fact]
    public async Task Reconcile_StrangerThatTheCatalogLacksStill_HasTheIdUntilHeLeaves()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Consul.CatalogLags = true;
        node.Consul.RegisterStranger(Step.IdOf(1), Step.Marks(0));
        node.Docker.Start(1);
        node.Connect();
        // A pass does not end well where a stranger's registration was overwritten.
        await node.AdvanceAsync(2 * Resync);

        node.Consul.CatalogLags = false;
        await node.PassAsync();
        Assert.Empty(node.Registered);
        node.Consul.StrangerLeaves(Step.IdOf(1));
        await node.PassAsync();

        Assert.Single(node.Registered);
    }

    [Fact]
    public async Task Reconcile_StrangerWhoIsRemovedFromTheCatalogAlone_HasTheIdUntilHeLeavesTheAgent()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Consul.RegisterStranger(Step.IdOf(1), Step.Marks(0));
        node.Docker.Start(1);
        node.Connect();
        await node.PassAsync();

        node.Consul.CatalogLags = true;
        // A pass does not end well where a stranger's registration was overwritten.
        await node.AdvanceAsync(2 * Resync);
        Assert.Empty(node.Registered);
        node.Consul.StrangerLeaves(Step.IdOf(1));
        await node.AdvanceAsync(Resync);

        Assert.Single(node.Registered);
    }

    [Fact]
    public async Task Reconcile_GraceEndsWhileNothingHappens_StaleOnesGo()
    {
        var grace = TimeSpan.FromSeconds(20);
        await using var node = await SimulatedNode.StartAsync(Never, grace);
        node.Consul.RegisterStale("stale", Step.Marks(SimulatedNode.Host, "mesh"));
        node.Connect();
        await node.AdvanceAsync(grace / 2);
        Assert.Single(node.Registered);

        // It looks at the end of the grace, and at the end of the time that passes here.
        Assert.Equal(2, await node.AdvanceAsync(grace));
        Assert.Empty(node.Registered);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reconcile_RegisteredUnderAnotherName_IsTakenOverAtTheStartOnly(bool before)
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        var container = node.Docker.Running.Single().Id;
        if (before)
            RegisterFormer();
        node.Connect();
        await node.PassAsync();
        await node.AdvanceAsync(Resync);
        if (!before)
            RegisterFormer();
        await node.AdvanceAsync(Resync);

        Assert.Equal(before ? [] : ["former"], node.Consul.Services.Where(service => service.Service == "stale").Select(service => service.ID));

        void RegisterFormer() => node.Consul.RegisterStale("former", Step.Marks("former-name", "mesh", container));
    }

    [Fact]
    public async Task Reconcile_HostGetsAnotherNameMeanwhile_EachContainerIsRegisteredOnce()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Connect();
        await node.AdvanceAsync(Resync);

        node.Connect("renamed");
        await node.AdvanceAsync(Resync);

        Assert.Equal("renamed", Assert.Single(node.Consul.Services).Meta[InstanceMeta.Owner]);
    }

    [Fact]
    public async Task Reconcile_RegisteredUnderAnotherNameAndDockerDoesNotTell_IsTakenOverAfterTheGrace()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        var container = node.Docker.Running.Single().Id;
        node.Consul.RegisterStale("former", Step.Marks("former-name", "mesh", container));
        node.Docker.ListFails = true;
        node.Docker.InspectFails.Add(1);
        node.Connect();
        await node.AdvanceAsync(Resync);
        Assert.Single(node.Consul.Services);

        await node.HealAsync();
        await node.AdvanceAsync(LongestRetry);

        Assert.DoesNotContain(node.Consul.Services, service => service.ID == "former");
    }

    [Fact]
    public async Task Reconcile_RegisteredUnderAnotherNameForAContainerOfAnotherDocker_IsLeftAlone()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Consul.RegisterStale("other", Step.Marks("another", "mesh"));
        node.Connect();
        await node.AdvanceAsync(Resync);

        Assert.Single(node.Registered);
    }
}
