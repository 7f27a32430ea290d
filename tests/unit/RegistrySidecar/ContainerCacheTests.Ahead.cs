using System.Collections.Concurrent;
using Docker.DotNet;
using Docker.DotNet.Models;
using NSubstitute;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

// What is asked ahead of a start, and what Docker has no answer for.
public sealed partial class ContainerCacheTests
{
    [Fact]
    public async Task Mark_NetworkConnectedBeforeTheStart_IsAskedAheadAndTakenAtTheStart()
    {
        var answer = Held("a");
        cache.Mark(Just(EventEffect.LookedAtAhead));
        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Empty(cache.Running);

        answer.SetResult(Container("a", running: true));
        cache.Mark(Just(EventEffect.Started));

        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Single(cache.Running);
        await docker.Containers.Received(1).InspectContainerAsync("a", Arg.Any<CancellationToken>());
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, -1)]
    public async Task Mark_AskedAheadAndNotStartedSince_IsAskedAgainAtTheStart(bool running, int seconds)
    {
        Inspected("a", running: false);
        await KnownAsync("a");
        var answer = Held("a");
        cache.Mark(Just(EventEffect.LookedAtAhead));
        await cache.InspectAsync(docker, Ct);
        answer.SetResult(Container("a", running, started: Started.AddSeconds(seconds)));

        Inspected("a", running: true);
        cache.Mark(Just(EventEffect.Started));
        await cache.InspectAsync(docker, Ct);

        Assert.Single(cache.Running);
        await docker.Containers.Received(3).InspectContainerAsync("a", Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task Mark_AskedAheadAndDiedSince_IsNotRegisteredByTheOldAnswer()
    {
        cache.Mark(Just(EventEffect.LookedAtAhead));
        await cache.InspectAsync(docker, Ct);

        cache.Mark(Died(Started.AddSeconds(5), 0));
        Inspected("a", running: false);
        await cache.InspectAsync(docker, Ct);
        cache.Mark(Just(EventEffect.Started));
        await cache.InspectAsync(docker, Ct);

        Assert.Empty(cache.Running);
    }

    [Fact]
    public async Task ListAsync_AskedAheadBefore_IsAskedAgain()
    {
        Listed(Summary("a", 8080));
        cache.Mark(Just(EventEffect.LookedAtAhead));
        await cache.InspectAsync(docker, Ct);

        await cache.ListAsync(docker, everything: false, Ct);
        await cache.InspectAsync(docker, Ct);

        Assert.Single(cache.Running);
        await docker.Containers.Received(2).InspectContainerAsync("a", Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task InspectAsync_DockerHasNoAnswerForOne_IsGivenUpAndNotWaitedForAgain()
    {
        Inspected("b", running: true);
        var answer = Held("a");
        cache.Need(["a"]);
        var inspecting = cache.InspectAsync(docker, Ct);
        time.Advance(Inspections.Patience);
        Assert.Equal("Docker did not answer in time", (await inspecting).Failed["a"]);

        cache.Need(["b"]);
        var inspection = await cache.InspectAsync(docker, Ct);
        Assert.Equal(["b"], inspection.Seen);
        Assert.Contains("a", inspection.Failed.Keys);
        await docker.Containers.Received(1).InspectContainerAsync("a", Arg.Any<CancellationToken>());
        answer.SetException(new HttpRequestException("at last"));
        Inspected("a", running: true);
        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task ListAsync_OneThatIsNotListedAndNeverAnsweredFor_DoesNotRunUntilItStarts()
    {
        Held("a");
        Listed();
        await cache.ListAsync(docker, everything: true, Ct);
        cache.Need(["a"]);
        await NotAnsweredAsync();
        Assert.Equal((ContainerState.Ended, false), (cache.FateOf("a").State, cache.IsUndecided("a")));

        cache.Mark(Just(EventEffect.Started));
        Assert.Equal((ContainerState.Unknown, true), (cache.FateOf("a").State, cache.IsUndecided("a")));
    }

    [Fact]
    public async Task ListAsync_OneThatRanIsNotListedAnyMoreAndNeverAnsweredFor_DoesNotRun()
    {
        Listed(Summary("a", 8080));
        await cache.ListAsync(docker, everything: true, Ct);
        await cache.InspectAsync(docker, Ct);
        Held("a");
        Listed();
        time.Advance(TimeSpan.FromSeconds(30));
        await cache.ListAsync(docker, everything: false, Ct);
        await NotAnsweredAsync();

        Assert.Empty(cache.Running);
        Assert.Null(cache.FindRunning("a"));
        Assert.Equal((ContainerState.Ended, false), (cache.FateOf("a").State, cache.IsUndecided("a")));
        cache.Mark(Died(Started.AddSeconds(5), 3));
        Assert.Equal((ContainerState.Exited, 3), (cache.FateOf("a").State, cache.FateOf("a").Container!.ExitCode));
    }

    [Fact]
    public async Task ForgetUnseen_OneCameAndWentBeforeAnythingWasInspected_LeavesNoTrace()
    {
        cache.Mark(Just(EventEffect.LookedAtAhead));
        cache.Mark(Just(EventEffect.Started));
        cache.Mark(Died(Started.AddSeconds(5), 0));
        Listed();

        await cache.ListAsync(docker, everything: false, Ct);
        Assert.True(cache.Witnessed("a"));
        cache.ForgetUnseen();
        await cache.InspectAsync(docker, Ct);

        Assert.False(cache.Witnessed("a"));
        await docker.Containers.DidNotReceive().InspectContainerAsync("a", Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task ListAsync_StartedSinceDockerWasAsked_MayRunUntilTheNextList()
    {
        var answer = new TaskCompletionSource<IList<ContainerListResponse>>();
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns(answer.Task);
        var listing = cache.ListAsync(docker, everything: true, Ct);
        time.Advance(Inspections.Patience);
        await Assert.ThrowsAsync<TimeoutException>(() => listing);
        cache.Mark(Just(EventEffect.Started));
        answer.SetResult([]);
        await cache.ListAsync(docker, everything: true, Ct);
        Assert.Equal(ContainerState.Unknown, cache.FateOf("a").State);

        Listed();
        await cache.ListAsync(docker, everything: true, Ct);
        Assert.Equal(ContainerState.Ended, cache.FateOf("a").State);
    }

    [Fact]
    public async Task InspectAsync_AskedAheadOnAConnectionThatWasGivenUp_IsAskedOnTheNewOneAtOnce()
    {
        Held("a");
        cache.Mark(Just(EventEffect.LookedAtAhead));
        await cache.InspectAsync(docker, Ct);
        var anew = Substitute.For<IDockerClient>();
        anew.Containers.InspectContainerAsync("a", Arg.Any<CancellationToken>()).Returns(Container("a", running: true));

        cache.Mark(Just(EventEffect.Started));
        var inspecting = cache.InspectAsync(anew, Ct);

        Assert.True(inspecting.IsCompleted);
        Assert.Equal(["a"], (await inspecting).Seen);
    }

    [Fact]
    public async Task InspectAsync_HangsOnAConnectionThatWasGivenUp_IsAskedOnTheNewOne()
    {
        Held("a");
        cache.Need(["a"]);
        await NotAnsweredAsync();
        var anew = Substitute.For<IDockerClient>();
        anew.Containers.InspectContainerAsync("a", Arg.Any<CancellationToken>()).Returns(Container("a", running: true));

        Assert.Equal(["a"], (await cache.InspectAsync(anew, Ct)).Seen);
    }

    [Fact]
    public async Task InspectAsync_MoreThanOnePassTakes_BeginsWithWhatHappenedAndAsksForTheNextPartMeanwhile()
    {
        string[] ids = [.. Enumerable.Range(0, (2 * ContainerCache.AtOnce) + 1).Select(number => $"c{number}")];
        var asked = new ConcurrentQueue<string>();
        docker.Containers.InspectContainerAsync(Arg.Do<string>(asked.Enqueue), Arg.Any<CancellationToken>())
            .Returns(call => Task.FromResult(Container(call.ArgAt<string>(0), running: true)));
        Listed([.. ids.Select(id => Summary(id, 8080))]);
        await cache.ListAsync(docker, everything: true, Ct);
        cache.Mark(new Dictionary<string, Happened> { [ids[^1]] = new(EventEffect.Started) });

        var seen = (await cache.InspectAsync(docker, Ct)).Seen;

        Assert.Equal((ContainerCache.AtOnce, true, 2 * ContainerCache.AtOnce), (seen.Count, cache.HasMore, asked.Count));
        Assert.Contains(ids[^1], seen);
        seen = [.. seen, .. (await cache.InspectAsync(docker, Ct)).Seen];
        Assert.True(cache.HasMore);
        seen = [.. seen, .. (await cache.InspectAsync(docker, Ct)).Seen];
        Assert.False(cache.HasMore);
        Assert.Equal(ids.Order(), seen.Order());
        Assert.Equal(ids.Order(), asked.Order());
    }

    [Fact]
    public async Task InspectAsync_DockerHasNoAnswersInTime_HasMore()
    {
        docker.Containers.InspectContainerAsync(Arg.Any<string>(), Arg.Any<CancellationToken>()).Returns(new TaskCompletionSource<ContainerInspectResponse>().Task);
        cache.Need(Enumerable.Range(0, Calls.AtATime + 1).Select(number => $"c{number}"));

        var inspecting = cache.InspectAsync(docker, Ct);
        while (docker.Containers.ReceivedCalls().Count() < Calls.AtATime)
            await Task.Yield();
        time.Advance(Inspections.Patience + TimeSpan.FromSeconds(1));

        Assert.Equal((Calls.AtATime, true), ((await inspecting).Failed.Count, cache.HasMore));
    }

    private async Task NotAnsweredAsync()
    {
        var inspecting = cache.InspectAsync(docker, Ct);
        time.Advance(Inspections.Patience);
        Assert.NotEmpty((await inspecting).Failed);
    }
}
