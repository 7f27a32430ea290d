using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ContainerCacheTests
{
    private static readonly DateTimeOffset Started = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider time = new();
    private readonly IDockerClient docker = Substitute.For<IDockerClient>();
    private readonly RetryLedger retries;
    private readonly ContainerCache cache;

    public ContainerCacheTests()
    {
        retries = new RetryLedger(time);
        cache = new ContainerCache(retries);
        Inspected("a", running: true);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mark_Death_IsBelievedAtOnceAndVerifiedLater()
    {
        await KnownAsync("a");

        cache.Mark(new Dictionary<string, Death?> { ["a"] = new Death(Started.AddSeconds(5), 1) });
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

        cache.Mark(new Dictionary<string, Death?> { ["a"] = new Death(Started.AddSeconds(-5), 1) });

        Assert.Contains(cache.Running, container => container.Id == "a");
    }

    [Fact]
    public async Task Mark_StartAfterDeath_IsInspectedAtOnce()
    {
        await KnownAsync("a");
        cache.Mark(new Dictionary<string, Death?> { ["a"] = new Death(Started.AddSeconds(5), 0) });

        cache.Mark(new Dictionary<string, Death?> { ["a"] = null });
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

    private async Task KnownAsync(params string[] ids)
    {
        cache.Need(ids);
        await cache.InspectAsync(docker, Ct);
    }

    private void Inspected(string id, bool running) =>
        docker.Containers.InspectContainerAsync(id, Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse
        {
            ID = id,
            State = new State { Running = running, StartedAt = "2026-01-31T12:00:00.123456789Z" },
        });

    private void Listed(params ContainerListResponse[] containers) =>
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns(containers);

    private static ContainerListResponse Summary(string id, ushort port) => new()
    {
        ID = id,
        Names = [$"/{id}"],
        State = "running",
        Ports = [new PortSummary { PrivatePort = 80, PublicPort = port, Type = "tcp" }],
    };
}
