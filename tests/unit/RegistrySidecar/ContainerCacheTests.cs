using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed partial class ContainerCacheTests
{
    private static readonly DateTimeOffset Started = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider time = new();
    private readonly IDockerClient docker = Substitute.For<IDockerClient>();
    private readonly RetryLedger retries;
    private readonly ContainerCache cache;

    public ContainerCacheTests()
    {
        retries = new RetryLedger(time);
        cache = new ContainerCache(retries, time);
        Inspected("a", running: true);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mark_Death_IsBelievedAtOnceAndVerifiedLater()
    {
        await KnownAsync("a");

        cache.Mark(Died(Started.AddSeconds(5), 1));
        await cache.InspectAsync(docker, Ct);

        Assert.Equal((ContainerState.Exited, 1), (cache.FateOf("a").State, cache.FateOf("a").Container!.ExitCode));
        await docker.Containers.Received(1).InspectContainerAsync("a", Arg.Any<CancellationToken>());
        time.Advance(TimeSpan.FromSeconds(1));
        await cache.InspectAsync(docker, Ct);
        Assert.Equal(ContainerState.Running, cache.FateOf("a").State);
    }

    [Fact]
    public async Task Mark_DeathBeforeTheLastStart_IsNotBelieved()
    {
        await KnownAsync("a");

        cache.Mark(Died(Started.AddSeconds(-5), 1));

        Assert.Contains(cache.Running, container => container.Id == "a");
    }

    [Fact]
    public async Task Mark_StartAfterDeath_IsInspectedAtOnce()
    {
        await KnownAsync("a");
        cache.Mark(Died(Started.AddSeconds(5), 0));

        cache.Mark(Just(EventEffect.LookedAtAnyway));
        var inspection = await cache.InspectAsync(docker, Ct);

        Assert.Equal(["a"], inspection.Seen);
        Assert.Equal(ContainerState.Running, cache.FateOf("a").State);
    }

    [Fact]
    public async Task InspectAsync_OneFails_OthersAreLearnedAndItsFateIsUnknown()
    {
        docker.Containers.InspectContainerAsync("b", Arg.Any<CancellationToken>()).ThrowsAsync(new HttpRequestException("away"));
        docker.Containers.InspectContainerAsync("c", Arg.Any<CancellationToken>())
            .ThrowsAsync(new DockerContainerNotFoundException(System.Net.HttpStatusCode.NotFound, "no such container"));

        await KnownAsync("a", "b", "c");

        Assert.Equal(
            [ContainerState.Running, ContainerState.Unknown, ContainerState.Absent, ContainerState.Absent],
            ((string[])["a", "b", "c", ""]).Select(id => cache.FateOf(id).State));
    }

    [Fact]
    public async Task ListAsync_NothingChanged_InspectsNothingAgain()
    {
        Listed(Summary("a", 8080));
        await cache.ListAsync(docker, everything: true, Ct);
        await cache.InspectAsync(docker, Ct);

        await cache.ListAsync(docker, everything: false, Ct);

        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task ListAsync_DockerHangs_IsWaitedForOnceAndItsLateAnswerIsTaken()
    {
        var answer = new TaskCompletionSource<IList<ContainerListResponse>>();
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns(answer.Task);

        var listing = cache.ListAsync(docker, everything: true, Ct);
        time.Advance(Inspections.Patience);
        await Assert.ThrowsAsync<TimeoutException>(() => listing);
        await Assert.ThrowsAsync<TimeoutException>(() => cache.ListAsync(docker, everything: true, Ct));
        answer.SetResult([Summary("a", 8080)]);
        await cache.ListAsync(docker, everything: true, Ct);

        await docker.Containers.Received(1).ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>());
        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task ListAsync_EventsWereMissed_InspectsWhatDiffers()
    {
        Inspected("b", running: true);
        Inspected("c", running: true);
        Listed(Summary("a", 8080), Summary("b", 8081));
        await cache.ListAsync(docker, everything: true, Ct);
        await cache.InspectAsync(docker, Ct);

        Listed(Summary("a", 9090), Summary("c", 8082));
        Inspected("b", running: false);
        await cache.ListAsync(docker, everything: false, Ct);
        var inspection = await cache.InspectAsync(docker, Ct);

        Assert.Equal(["a", "b", "c"], inspection.Seen.Order());
        Assert.Equal(["a", "c"], cache.Running.Select(container => container.Id).Order());
    }

    [Fact]
    public async Task Mark_LookAtWhatDoesNotRun_AsksNothing()
    {
        cache.Mark(Just(EventEffect.LookedAt));
        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);

        await KnownAsync("a");
        cache.Mark(Died(Started.AddSeconds(5), 0));
        cache.Mark(Just(EventEffect.LookedAt));
        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);
        Assert.Empty(cache.Running);
    }

    [Fact]
    public async Task Mark_LookAtWhatRuns_AsksAgain()
    {
        await KnownAsync("a");

        cache.Mark(Just(EventEffect.LookedAt));

        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task ListAsync_AddressOfVersion6ChangedAndNoEventCame_InspectsIt()
    {
        foreach (var address in (string[])["fd00::1", "fd00::2"])
        {
            var listed = Summary("a", 8080);
            listed.NetworkSettings = new NetworkSettingsSummary { Networks = new Dictionary<string, EndpointSettings> { ["six"] = new() { GlobalIPv6Address = address } } };
            Listed(listed);
            await cache.ListAsync(docker, everything: false, Ct);
            Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);
        }
    }

    [Fact]
    public async Task ListAsync_HealthChangedAndNoEventCame_InspectsIt()
    {
        Inspected("a", running: true, health: "starting");
        Listed(Summary("a", 8080, "Up 5 seconds (health: starting)"));
        await cache.ListAsync(docker, everything: true, Ct);
        await cache.InspectAsync(docker, Ct);

        Inspected("a", running: true, health: "healthy");
        Listed(Summary("a", 8080, "Up 9 seconds (healthy)"));
        await cache.ListAsync(docker, everything: false, Ct);
        Assert.Equal(["a"], (await cache.InspectAsync(docker, Ct)).Seen);

        Listed(Summary("a", 8080, "Up 2 minutes (healthy)"));
        await cache.ListAsync(docker, everything: false, Ct);
        Assert.Empty((await cache.InspectAsync(docker, Ct)).Seen);
    }

    [Fact]
    public async Task InspectAsync_DockerAnswersWithAnotherContainer_IsAbsentAndTheOtherIsKnownOnce()
    {
        docker.Containers.InspectContainerAsync("name-of-a", Arg.Any<CancellationToken>()).Returns(Container("a", running: true));

        await KnownAsync("a", "name-of-a");

        Assert.Equal(ContainerState.Absent, cache.FateOf("name-of-a").State);
        Assert.Equal("a", Assert.Single(cache.Running).Id);
    }

    [Fact]
    public async Task IsUndecided_UntilOneListAndTheInspectionThatItLedTo()
    {
        var answer = Held("a");
        Listed(Summary("a", 8080));
        Assert.True(cache.IsUndecided("a"));
        Assert.True(cache.IsUndecided("gone"));

        await cache.ListAsync(docker, everything: true, Ct);
        Assert.False(cache.IsUndecided("gone"));
        var inspecting = cache.InspectAsync(docker, Ct);
        time.Advance(Inspections.Patience);
        await inspecting;
        Assert.True(cache.IsUndecided("a"));

        answer.SetResult(Container("a", running: false));
        time.Advance(Backoff.Longest);
        await cache.InspectAsync(docker, Ct);
        Assert.False(cache.IsUndecided("a"));
    }

    private static Dictionary<string, Happened> Just(EventEffect effect) => new() { ["a"] = new(effect) };

    private static Dictionary<string, Happened> Died(DateTimeOffset at, long exitCode) =>
        new() { ["a"] = new(EventEffect.PresumedDead, new Death(at, exitCode)) };

    private async Task KnownAsync(params string[] ids)
    {
        cache.Need(ids);
        await cache.InspectAsync(docker, Ct);
    }

    private void Inspected(string id, bool running, string stopSignal = "", TimeSpan? stopTimeout = null, string? health = null) =>
        docker.Containers.InspectContainerAsync(id, Arg.Any<CancellationToken>()).Returns(Container(id, running, stopSignal, stopTimeout, health));

    /// <summary>Docker's answer is the caller's to give.</summary>
    private TaskCompletionSource<ContainerInspectResponse> Held(string id)
    {
        var answer = new TaskCompletionSource<ContainerInspectResponse>();
        docker.Containers.InspectContainerAsync(id, Arg.Any<CancellationToken>()).Returns(answer.Task);
        return answer;
    }

    private static ContainerInspectResponse Container(
        string id, bool running, string stopSignal = "", TimeSpan? stopTimeout = null, string? health = null, DateTimeOffset? started = null) => new()
        {
            ID = id,
            Name = "/" + id,
            Config = new ContainerConfig { StopSignal = stopSignal, StopTimeout = stopTimeout },
            State = new State
            {
                Running = running,
                StartedAt = (started ?? Started).ToString("O", CultureInfo.InvariantCulture),
                Health = health is null ? null! : new Health { Status = health },
            },
        };

    private void Listed(params ContainerListResponse[] containers) =>
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns(containers);

    private static ContainerListResponse Summary(string id, ushort port, string status = "Up 1 second") => new()
    {
        ID = id,
        Names = [$"/{id}"],
        State = "running",
        Status = status,
        Ports = [new PortSummary { PrivatePort = 80, PublicPort = port, Type = "tcp" }],
    };
}
