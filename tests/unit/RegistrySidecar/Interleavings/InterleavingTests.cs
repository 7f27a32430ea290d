using CsCheck;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>
/// Whatever happens in which order, and whatever fails meanwhile: the agent ends with what runs. A failed run names its seed
/// and its steps; with the seed as <c>CsCheck_Seed</c> in the environment it is run again.
/// </summary>
public sealed partial class InterleavingTests
{
    private static readonly TimeSpan Resync = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(15);

    // Whoever got a signal and did not obey is looked at again so long after it: the containers here have no longer stop timeout.
    private static readonly TimeSpan LeastFarewell = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Never = TimeSpan.FromDays(1);

    [Fact]
    public Task Reconcile_AnyInterleaving_EndsEqualToWhatRunsWithinOneResync() =>
        Gen.Select(Step.Any.Array[1, 40], Gen.Bool, Gen.Int[0, 3], Gen.Bool, Policies, Gen.Bool).SampleAsync(
            async (steps, withGrace, strangers, followsStrangers, policy, isInternal) =>
            {
                await using var node = await SimulatedNode.StartAsync(
                    Resync, withGrace ? TimeSpan.FromSeconds(20) : TimeSpan.Zero, followsStrangers, policy, isInternal);
                node.Consul.RegisterStale("stale", Step.Marks(SimulatedNode.Host, "mesh"));
                node.Consul.RegisterStranger(Step.IdOf(strangers), Step.Marks(strangers));
                await RunAsync(node, steps);

                node.Docker.Undelivered.Clear();
                await node.HealAsync();
                await node.AdvanceAsync(node.Docker.WasDisobeyed ? LeastFarewell : Resync);

                await AssertEqualAndQuietAsync(node, Resync);
            },
            iter: 6000,
            print: run => $"{run.Item5}, internal {run.Item6}, grace {run.Item2}, strangers {run.Item3}, followed {run.Item4}: {string.Join("; ", run.Item1.AsEnumerable())}");

    [Fact]
    public Task Reconcile_EveryEventArrivesAtSomeTime_NeedsNoResync() =>
        Gen.Select(Step.Told.Array[1, 40], Policies, Gen.Bool).SampleAsync(
            async (steps, policy, isInternal) =>
            {
                await using var node = await SimulatedNode.StartAsync(Never, TimeSpan.Zero, policy: policy, isInternal: isInternal);
                await RunAsync(node, steps);

                await node.HealAsync();
                node.DeliverAll();
                await node.PassAsync();
                await node.AdvanceAsync(node.Docker.WasDisobeyed ? LeastFarewell : LongestRetry);

                await AssertEqualAndQuietAsync(node, LongestRetry);
                await AssertOldNewsChangeNothingAsync(node);
            },
            iter: 4000,
            print: run => $"{run.Item2}, internal {run.Item3}: {string.Join("; ", run.Item1.AsEnumerable())}");

    /// <summary>What ran before runs still, so nobody may notice, whatever of Docker or of the agent does not answer at the restart.</summary>
    [Fact]
    public Task Reconcile_SidecarRestartsWhileCallsFail_WritesNothing() =>
        Gen.Select(Step.Any.Array[1, 40], Gen.Bool, Gen.Bool, Step.Slot.Array[0, 3], Policies).SampleAsync(
            async (steps, listFails, readFails, inspectFails, policy) =>
            {
                await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero, policy: policy);
                await RunAsync(node, steps);
                node.Docker.Undelivered.Clear();
                await node.HealAsync();
                await node.AdvanceAsync(node.Docker.WasDisobeyed ? LeastFarewell : Resync);
                await node.AdvanceAsync(Resync);
                var (registered, written) = (node.Registered.ToList(), node.Consul.Written);

                node.Docker.ListFails = listFails;
                node.Consul.ReadFails = readFails;
                node.Docker.InspectFails.UnionWith(inspectFails);
                await node.RestartAsync();
                await node.AdvanceAsync(LongestRetry);
                node.Docker.ListFails = node.Consul.ReadFails = false;
                await node.AdvanceAsync(LongestRetry);
                node.Docker.InspectFails.Clear();
                await node.AdvanceAsync(LongestRetry);

                Assert.Equal(registered, node.Registered);
                Assert.Equal(written, node.Consul.Written);
            },
            iter: 2000,
            print: run => $"{run.Item5}, lists fail {run.Item2}, reads fail {run.Item3}, inspections fail of {string.Join(',', run.Item4)}: {string.Join("; ", run.Item1.AsEnumerable())}");

    [Fact]
    public Task Reconcile_ThousandStartsAndDeathsInAnyOrder_EndsEqualToWhatRuns() =>
        Gen.Select(Gen.Shuffle(Enumerable.Range(0, 3002).ToArray()), Gen.Int[1, 400], Gen.Bool, Gen.Int[0, 1]).SampleAsync(
            async (order, atOnce, runs, slot) =>
            {
                await using var node = await SimulatedNode.StartAsync(Never, TimeSpan.Zero);
                node.Connect();
                for (var i = 0; i < 1000; i++)
                {
                    node.Docker.Start(slot);
                    node.Docker.Die(slot);
                    // Some arrive while the others are still to happen.
                    if (i % atOnce == 0)
                        await ArriveAsync(node, i);
                }

                if (runs)
                    node.Docker.Start(slot);
                var events = node.Docker.Undelivered.ToArray();
                foreach (var chunk in order.Where(number => number < events.Length).Chunk(atOnce))
                {
                    foreach (var number in chunk)
                        node.Deliver(events[number]);
                    await node.PassAsync();
                }

                await node.AdvanceAsync(LongestRetry);

                await AssertEqualAndQuietAsync(node, LongestRetry);
                Assert.Equal(runs, node.Registered.Any());
            },
            iter: 20,
            print: run => $"{run.Item2} at once, slot {run.Item4}, {(run.Item3 ? "running" : "dead")} at the end: {string.Join(' ', run.Item1.Take(20))} …");

    [Fact]
    public async Task Reconcile_RenamedBackByAnEventThatIsLost_IsSeenByTheResync()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Connect();
        await node.PassAsync();

        node.Docker.Rename(1);
        node.DeliverAll();
        await node.PassAsync();
        node.Docker.Rename(1);
        await node.AdvanceAsync(Resync);

        await AssertEqualAndQuietAsync(node, Resync);
    }

    [Fact]
    public async Task Reconcile_RenamedThereAndBackAroundAnInspection_IsSeenByTheResync()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Connect();
        node.Docker.DuringList = () => node.Docker.Rename(1);
        node.Docker.DuringInspect[1] = () => node.Docker.Rename(1);
        await node.PassAsync();

        await node.AdvanceAsync(Resync);

        await AssertEqualAndQuietAsync(node, Resync);
    }

    [Fact]
    public async Task Reconcile_RestartWhileDockerTellsNothingOfOne_LeavesTheIdThatItHasAndWhatSharesItsNetwork()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        // In this order slots 2 and 3 name the same id; slot 4 shares the network of slot 2.
        foreach (var slot in (int[])[0, 2, 1, 3, 4])
            node.Docker.Start(slot);
        node.Connect();
        await node.PassAsync();
        var (registered, written) = (node.Registered.ToList(), node.Consul.Written);
        Assert.Equal(7, registered.Count);

        node.Docker.InspectFails.Add(2);
        await node.RestartAsync();
        await node.PassAsync();

        Assert.Equal(registered, node.Registered);
        Assert.Equal(written, node.Consul.Written);
    }

    [Theory]
    [InlineData("c1")]
    [InlineData("000")]
    public async Task Reconcile_RegistrationThatNamesAContainerByLessThanItsId_GoesAndNothingEnds(string text)
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Consul.RegisterStale("odd", Step.Marks(SimulatedNode.Host, "mesh", text));
        node.Connect();
        await node.PassAsync();

        await AssertEqualAndQuietAsync(node, Resync);
    }

    [Fact]
    public async Task Reconcile_SignalToldAfterTheStartThatFollowedIt_TouchesOnlyTheRunThatGotIt()
    {
        await using var node = await SimulatedNode.StartAsync(Never, TimeSpan.Zero);
        node.Docker.Start(0);
        node.Connect();
        await node.PassAsync();

        node.Docker.Signal(0, obeyed: true);
        node.Docker.Start(0);
        node.DeliverAll();
        await node.PassAsync();

        await AssertEqualAndQuietAsync(node, LongestRetry);
    }

    [Fact]
    public async Task Reconcile_DeathToldAfterTheStartThatFollowedIt_WhileTheAgentDoesNotAnswer_IsRegistered()
    {
        await using var node = await SimulatedNode.StartAsync(Never, TimeSpan.Zero);
        node.Consul.ReadFails = true;
        node.Connect();
        node.Docker.Start(1);
        node.DeliverAll();
        node.Docker.Die(1);
        await node.PassAsync();

        node.Docker.Start(1);
        node.DeliverAll();
        await node.PassAsync();
        await node.HealAsync();
        await node.AdvanceAsync(LongestRetry);

        Assert.NotEmpty(node.Registered);
        await AssertEqualAndQuietAsync(node, LongestRetry);
    }

    [Fact]
    public async Task Reconcile_SidecarRestartsWhileOneDrains_DoesNotBringItBackForAMoment()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Connect();
        node.DeliverAll();
        await node.PassAsync();
        node.Docker.Signal(1, obeyed: false);
        node.DeliverAll();
        await node.PassAsync();
        var written = node.Consul.Written;
        Assert.Empty(node.Registered);
        await node.AdvanceAsync(Resync);

        await node.RestartAsync();
        await node.AdvanceAsync(LeastFarewell - (2 * Resync));
        Assert.Equal(written, node.Consul.Written);

        await node.AdvanceAsync(Resync);
        await AssertEqualAndQuietAsync(node, Resync);
    }

    private static async Task RunAsync(SimulatedNode node, Step[] steps)
    {
        node.Connect();
        foreach (var step in steps)
            await step.DoAsync(node);
    }

    private static async Task ArriveAsync(SimulatedNode node, int number)
    {
        node.Deliver(node.Docker.Undelivered[number % node.Docker.Undelivered.Count]);
        await node.PassAsync();
    }

    /// <summary>The agent has what runs, and another look finds nothing to write.</summary>
    private static async Task AssertEqualAndQuietAsync(SimulatedNode node, TimeSpan longer)
    {
        Assert.Equal(node.Expected, node.Registered);
        var written = node.Consul.Written;
        await node.AdvanceAsync(longer);
        Assert.Equal(written, node.Consul.Written);
        Assert.Equal(node.Expected, node.Registered);
    }

    /// <summary>
    /// Docker tells the last second again after each reconnection. Signals are left out: whether one was obeyed is seen only later.
    /// </summary>
    private static async Task AssertOldNewsChangeNothingAsync(SimulatedNode node)
    {
        var written = node.Consul.Written;
        foreach (var message in node.Docker.History.Where(message => message.Action != "kill"))
        {
            node.Deliver(message);
            await node.PassAsync();
        }

        Assert.Equal(written, node.Consul.Written);
    }
}
