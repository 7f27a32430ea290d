using NSubstitute;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>Who is told to end.</summary>
public sealed partial class ContainerCacheTests
{
    [Theory]
    [InlineData("15", "", null, 300)]
    [InlineData("9", "", 3, 300)]
    [InlineData("28", "SIGWINCH", 298, 300)]
    [InlineData("15", "", 600, 602)]
    public async Task Mark_EndingSignal_IsBelievedAtOnceAndVerifiedAfterALongFarewell(string signal, string stopSignal, int? stopTimeout, int seconds)
    {
        Inspected("a", running: true, stopSignal, stopTimeout is { } given ? TimeSpan.FromSeconds(given) : null);
        await KnownAsync("a");

        cache.Mark(Signalled(signal));
        await cache.InspectAsync(docker, Ct);
        Assert.Empty(cache.Running);
        time.Advance(TimeSpan.FromSeconds(seconds - 1));
        await cache.InspectAsync(docker, Ct);
        Assert.Empty(cache.Running);

        time.Advance(TimeSpan.FromSeconds(1));
        await cache.InspectAsync(docker, Ct);
        Assert.Single(cache.Running);
    }

    [Theory]
    [InlineData("1", "")]
    [InlineData("10", "")]
    [InlineData("28", "")]
    [InlineData("nonsense", "SIGWINCH")]
    public async Task Mark_OtherSignal_ChangesNothing(string signal, string stopSignal)
    {
        Inspected("a", running: true, stopSignal);
        await KnownAsync("a");

        cache.Mark(Signalled(signal));
        await cache.InspectAsync(docker, Ct);

        Assert.Single(cache.Running);
    }

    [Fact]
    public async Task Mark_SignalThatALabelHides_ChangesNothing()
    {
        Labelled("signal", "TERM");
        await KnownAsync("a");

        cache.Mark(Signalled("TERM"));
        await cache.InspectAsync(docker, Ct);

        Assert.Single(cache.Running);
    }

    [Fact]
    public async Task Mark_ExitCodeThatALabelHides_IsWhatDockerTellsOfTheContainer()
    {
        Labelled("exitCode", "0");
        await KnownAsync("a");

        cache.Mark(Died(Started.AddSeconds(5), 0));
        Assert.False(cache.FateOf("a").Allows(DeregisterPolicy.OnSuccess));
        Assert.True(cache.FateOf("a").Allows(DeregisterPolicy.Always));
        Inspected("a", running: false);
        time.Advance(TimeSpan.FromSeconds(1));
        await cache.InspectAsync(docker, Ct);

        Assert.True(cache.FateOf("a").Allows(DeregisterPolicy.OnSuccess));
    }

    [Fact]
    public async Task Mark_DeathAfterTheSignal_IsVerifiedASecondLaterWithItsExitCode()
    {
        await KnownAsync("a");
        cache.Mark(Signalled("15"));

        cache.Mark(Died(Started.AddSeconds(6), 3));
        Assert.Equal(3, cache.FateOf("a").Container!.ExitCode);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task Mark_WhileItDrains_OnlyAnotherStartBringsItBack()
    {
        await KnownAsync("a");
        cache.Mark(Signalled("15"));

        cache.Mark(Signalled("1"));
        await AssertLeavingAsync();
        cache.Mark(Just(EventEffect.LookedAt));
        await AssertLeavingAsync();
        retries.Clear();
        await AssertLeavingAsync();
        Listed(Summary("a", 8080));
        await cache.ListAsync(docker, everything: true, Ct);
        await AssertLeavingAsync();

        docker.Containers.InspectContainerAsync("a", Arg.Any<CancellationToken>()).Returns(Container("a", running: true, started: Started.AddMinutes(1)));
        await cache.ListAsync(docker, everything: false, Ct);
        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Single(cache.Running);
    }

    [Fact]
    public async Task Mark_SignalBeforeTheLastStart_IsNotBelieved()
    {
        await KnownAsync("a");

        cache.Mark(new Dictionary<string, Happened> { ["a"] = new(EventEffect.PresumedDeadBySignal, new Death(Started.AddSeconds(-1), 143, "15")) });

        Assert.Single(cache.Running);
    }

    [Theory]
    [InlineData("15", 5, false)]
    [InlineData("15", -1, true)]
    [InlineData("1", 5, true)]
    public async Task Mark_StartAndSignalAtOnce_AreToldApartByALook(string signal, int seconds, bool runs)
    {
        Inspected("a", running: true);

        cache.Mark(new Dictionary<string, Happened>
        {
            ["a"] = new Happened(EventEffect.Started).Then(
                new Happened(EventEffect.PresumedDeadBySignal, new Death(Started.AddSeconds(seconds), 143, signal))),
        });
        await cache.InspectAsync(docker, Ct);

        Assert.Equal(runs ? ["a"] : [], cache.Running.Select(container => container.Id));
        Assert.Equal(runs ? ContainerState.Running : ContainerState.Exited, cache.FateOf("a").State);
        time.Advance(TimeSpan.FromMinutes(5));
        await cache.InspectAsync(docker, Ct);
        Assert.Single(cache.Running);
    }

    [Theory]
    [InlineData(240, 60)]
    [InlineData(301, 0)]
    public async Task Mark_SignalOfBeforeTheSidecarBegan_IsBelievedForTheRestOfItsFarewell(int age, int seconds)
    {
        cache.Mark(new Dictionary<string, Happened>
        {
            ["a"] = new(EventEffect.PresumedDeadBySignal, new Death(Started.AddSeconds(5), 143, "15") { Age = TimeSpan.FromSeconds(age) }),
        });
        await cache.InspectAsync(docker, Ct);
        Assert.Equal(seconds == 0 ? ["a"] : [], cache.Running.Select(container => container.Id));

        time.Advance(TimeSpan.FromSeconds(seconds));
        await cache.InspectAsync(docker, Ct);
        Assert.Single(cache.Running);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public async Task Mark_SignalAndDeath_AreTheSameInOneBatchAndInTwo(bool inOne, bool obeyed)
    {
        await KnownAsync("a");
        var (signal, death) = (Signalled(obeyed ? "15" : "10")["a"], Died(Started.AddSeconds(6), 1)["a"]);

        foreach (var happened in inOne ? [signal.Then(death)] : (Happened[])[signal, death])
            cache.Mark(new Dictionary<string, Happened> { ["a"] = happened });
        Assert.Equal(obeyed, cache.FateOf("a").Allows(DeregisterPolicy.OnSuccess));

        Inspected("a", running: false);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Equal(obeyed, cache.FateOf("a").WasToldToEnd);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Mark_StopSignalBehindAnotherInOneBatch_IsBelieved(bool isKnown)
    {
        Inspected("a", running: true, "SIGWINCH");
        if (isKnown)
            await KnownAsync("a");

        cache.Mark(new Dictionary<string, Happened> { ["a"] = Signalled("28")["a"].Then(Signalled("10")["a"]) });
        await cache.InspectAsync(docker, Ct);

        Assert.Empty(cache.Running);
    }

    private async Task AssertLeavingAsync()
    {
        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Empty(cache.Running);
        Assert.Equal(ContainerState.Exited, cache.FateOf("a").State);
        Assert.NotNull(retries.DueOf(ContainerCache.SubjectOf("a")));
    }

    private void Labelled(string label, string value)
    {
        var container = Container("a", running: true);
        container.Config!.Labels = new Dictionary<string, string> { [label] = value };
        docker.Containers.InspectContainerAsync("a", Arg.Any<CancellationToken>()).Returns(container);
    }

    private static Dictionary<string, Happened> Signalled(string signal) =>
        new() { ["a"] = new(EventEffect.PresumedDeadBySignal, new Death(Started.AddSeconds(5), 143, signal)) };
}
