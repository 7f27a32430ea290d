using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>An hour without Consul, without an answer of Docker, or of which the clock knows nothing, in fake time.</summary>
public sealed class LongOutageTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Resync = TimeSpan.FromSeconds(30);

    // The longest backoff is 5 s, and jitter takes half of it at the most. Two things fail, each by itself.
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);
    private static readonly int MostPasses = (2 * (int)(Hour / (LongestBackoff / 2))) + (2 * (int)(Hour / Resync));
    private static readonly int FewestPasses = (int)(Hour / LongestBackoff);

    [Theory]
    [InlineData("the agent does not answer")]
    [InlineData("the agent refuses every write")]
    [InlineData("lists fail")]
    [InlineData("inspections fail")]
    public async Task Reconcile_AnHourOfFailures_TriesSteadilyAndIsRightAfterOneBackoff(string failure)
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(1);
        node.Connect();
        await node.PassAsync();
        Begin(node, failure);
        node.Docker.Die(1);
        node.Docker.Start(2);
        node.DeliverAll();

        var passes = await node.AdvanceAsync(Hour);
        Assert.InRange(passes, FewestPasses, MostPasses);

        await node.HealAsync();
        await node.AdvanceAsync(LongestBackoff);
        Assert.Equal(node.Expected, node.Registered);
        Assert.Single(node.Registered);
    }

    [Fact]
    public async Task Reconcile_ClockSetBackByTwoHours_BeatsAndComparesAsBefore()
    {
        await using var node = await SimulatedNode.StartAsync(Resync, TimeSpan.Zero);
        node.Docker.Start(3);
        node.Connect();
        await node.PassAsync();
        var told = node.Consul.Told;

        node.TurnClock(TimeSpan.FromHours(-2));
        node.Consul.LoseEverything();
        await node.AdvanceAsync(Resync);
        Assert.Equal(node.Expected, node.Registered);
        await node.AdvanceAsync(Hour);

        // Its time to live is 10 minutes.
        Assert.InRange(node.Consul.Told - told, 12, 60);
    }

    private static void Begin(SimulatedNode node, string failure)
    {
        switch (failure)
        {
            case "the agent does not answer":
                node.Consul.ReadFails = true;
                break;
            case "the agent refuses every write":
                Array.Fill(node.Consul.Writes, WriteOutcome.Lost);
                break;
            case "lists fail":
                node.Docker.ListFails = true;
                break;
            default:
                node.Docker.InspectFails.UnionWith([1, 2]);
                break;
        }
    }
}
