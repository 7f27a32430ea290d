using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ContainerHostTests
{
    private readonly IDockerClient docker = Substitute.For<IDockerClient>();
    private readonly FakeTimeProvider time = new() { AutoAdvanceAmount = TimeSpan.FromMilliseconds(10) };
    private int asked;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Remove_SomebodyElseIsAtIt_WaitsForItsEnd()
    {
        Answers(call => call <= 3 ? UnderWay() : new DockerContainerNotFoundException(HttpStatusCode.NotFound, "no such container"));

        await RemovedAsync();

        Assert.Equal(4, asked);
    }

    [Fact]
    public async Task Remove_AnothersRemovalNeverEnds_IsToldAfterTenSeconds()
    {
        Answers(_ => UnderWay());

        var error = await Assert.ThrowsAsync<DockerApiException>(RemovedAsync);

        Assert.Contains("in progress", error.Message, StringComparison.Ordinal);
        Assert.InRange(asked, 10, 110);
    }

    [Fact]
    public async Task Remove_DockerRefuses_IsToldAtOnce()
    {
        Answers(_ => new DockerApiException(HttpStatusCode.Conflict, """{"message":"it is in use"}"""));

        await Assert.ThrowsAsync<DockerApiException>(RemovedAsync);

        Assert.Equal(1, asked);
    }

    // What is in flight there besides requests, such as the messages of a queue, would be cut off otherwise.
    [Theory]
    [InlineData(true, false, "stop remove")]
    [InlineData(false, false, "remove")]
    [InlineData(true, true, "remove")]
    public async Task Remove_AReleaseThatRuns_IsAskedToEndFirst(bool running, bool isTests, string calls)
    {
        var called = new List<string>();
        docker.Containers.StopContainerAsync("c1", Arg.Any<ContainerStopParameters>(), Arg.Any<CancellationToken>()).Returns(true).AndDoes(_ => called.Add("stop"));
        docker.Containers.RemoveContainerAsync("c1", Arg.Any<ContainerRemoveParameters>(), Arg.Any<CancellationToken>()).Returns(Task.CompletedTask).AndDoes(_ => called.Add("remove"));

        await Host().RemoveAsync(new OwnContainer("h1", "c1", "demo-v1-1", "d1", "v1", running, ByHand: false) { IsTests = isTests }, Ct);

        Assert.Equal(calls.Split(' '), called);
    }

    [Fact]
    public async Task Remove_AReleaseThatIsGoneMeanwhile_IsWhatWasWanted()
    {
        docker.Containers.StopContainerAsync("c1", Arg.Any<ContainerStopParameters>(), Arg.Any<CancellationToken>())
            .Returns(Task.FromException<bool>(new DockerContainerNotFoundException(HttpStatusCode.NotFound, "no such container")));

        await Host().RemoveAsync(new OwnContainer("h1", "c1", "demo-v1-1", "d1", "v1", Running: true, ByHand: false), Ct);
    }

    // Nothing else would end it, and its verb has the service's lock meanwhile.
    [Fact]
    public async Task Stop_DockerHangs_IsToldAfterThirtySeconds()
    {
        docker.Containers.StopContainerAsync("c1", Arg.Any<ContainerStopParameters>(), Arg.Any<CancellationToken>()).Returns(call => SilentAsync<bool>(call.Arg<CancellationToken>()));

        var stop = Host().StopAsync(new OwnContainer("h1", "c1", "demo-v1-1", "d1", "v1", Running: true, ByHand: false), Ct);
        time.Advance(TimeSpan.FromSeconds(30));
        var error = await Assert.ThrowsAsync<DeliveryException>(() => stop.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Ct));

        Assert.Equal((ExitCode.Unreachable, "Docker hangs: it did not stop demo-v1-1 within 30s, and may do so later"), (error.Code, error.Reason));
        Assert.EndsWith($". {Faults.DockerMend}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Named_AStopThatWasGivenUp_KeepsItsReason()
    {
        var host = Host(isOneOfSeveral: true);

        var error = await Assert.ThrowsAsync<DeliveryException>(() => host.NamedAsync<bool>(
            () => Task.FromException<bool>(new DeliveryException(ExitCode.Unreachable, "Docker hangs. Mend it.") { Reason = "Docker hangs" }), Ct));

        Assert.Equal(("on h1: Docker hangs. Mend it.", "on h1: Docker hangs"), (error.Message, error.Reason));
    }

    [Fact]
    public async Task Stop_Interrupted_IsAnInterruption()
    {
        using var interruption = new CancellationTokenSource();
        docker.Containers.StopContainerAsync("c1", Arg.Any<ContainerStopParameters>(), Arg.Any<CancellationToken>()).Returns(call => SilentAsync<bool>(call.Arg<CancellationToken>()));

        var stop = Host().StopAsync(new OwnContainer("h1", "c1", "demo-v1-1", "d1", "v1", Running: true, ByHand: false), interruption.Token);
        await interruption.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stop);
    }

    // It only illustrates a failure, and must not take its place.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tail_DockerIsCutOffOrSilent_IsEmpty(bool cutOff)
    {
        docker.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        docker.Containers.GetContainerLogsAsync("c1", Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(call => cutOff ? Task.FromException<MultiplexedStream>(new HttpRequestException("connection reset")) : SilentAsync<MultiplexedStream>(call.Arg<CancellationToken>()));

        var tail = Host().TailAsync("c1", Ct);
        await AdvancedAsync(tail);

        Assert.Empty(await tail);
    }

    [Fact]
    public async Task Tail_Interrupted_IsAnInterruption()
    {
        using var interruption = new CancellationTokenSource();
        docker.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        docker.Containers.GetContainerLogsAsync("c1", Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>()).Returns(call => SilentAsync<MultiplexedStream>(call.Arg<CancellationToken>()));

        var tail = Host().TailAsync("c1", interruption.Token);
        await interruption.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => tail);
    }

    // A line that is made one before it is masked has another secret in it than the container.
    [Theory]
    [InlineData("it is ab\tcdef", "it is ***")]
    [InlineData("it is\nab\tcdef\nhere", "it is *** here")]
    [InlineData("""{"it": "ab\tcdef"}""", """{"it": "***"}""")]
    [InlineData("it is ab?cdef", "it is ***")]
    [InlineData("it is ab?cd…", "it is ***")]
    public async Task Mask_WhatHasASecretWithATab_IsOneLineWithoutIt(string said, string told)
    {
        docker.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse
        {
            Config = new ContainerConfig { Env = ["P=ab\tcdef"], Labels = new Dictionary<string, string> { [ContainerLabel.Secrets] = "P" } },
        });

        Assert.Equal(told, await Host().MaskAsync("c1", said, Ct));
    }

    [Fact]
    public async Task List_TestsThatADeployerLeft_AreNoneOfTheReplicas()
    {
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns([Deployed("demo-v1-1"), Deployed("demo-v1-tests", ("SERVICE_IGNORE", "true"), ("mesh.tests", "true"))]);
        var hosts = new ContainerHosts([Host()], [Host()], time);

        Assert.Equal(["demo-v1-1"], (await hosts.ListAsync("demo", document: null, Ct)).Select(container => container.Name));
        Assert.Equal([("demo-v1-1", false), ("demo-v1-tests", true)], (await hosts.ListAsync("demo", document: null, Ct, withTests: true)).Select(container => (container.Name, container.IsTests)));
    }

    [Fact]
    public async Task FirstExit_TheStreamIsCutOrEnds_IsOpenedAgainAndMissesNothing()
    {
        var (streams, cuts) = (new List<string>(), 0);
        docker.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        docker.System.MonitorEventsAsync(Arg.Any<ContainerEventsParameters>(), Arg.Any<IProgress<Message>>(), Arg.Any<CancellationToken>()).Returns(call =>
        {
            streams.Add(call.Arg<ContainerEventsParameters>().Since!);
            if (streams.Count == 1)
                return Task.FromException(new IOException("connection reset"));
            if (streams.Count == 2)
                return Task.CompletedTask;
            call.Arg<IProgress<Message>>().Report(new Message { Actor = new Actor { ID = "c1", Attributes = new Dictionary<string, string> { ["name"] = "demo-v1-1", ["exitCode"] = "7" } } });
            return Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, call.Arg<CancellationToken>());
        });

        var exit = Host().FirstExitAsync(["c1"], "12.5", () => cuts++, Ct);
        await AdvancedAsync(exit);

        Assert.Equal(new ContainerExit("c1", "demo-v1-1", "7"), await exit);
        Assert.Equal(["12.5", "12.5", "12.5"], streams);
        Assert.Equal(2, cuts);
    }

    // Docker has the last 256 events only, and after its own restart none; the container may run again, or be gone.
    [Theory]
    [InlineData("2026-01-01T00:00:00Z running", "unknown")]
    [InlineData("2026-01-01T00:00:00Z ended", "7")]
    [InlineData("gone", "unknown")]
    public async Task FirstExit_TheEndIsInNoEventAnyMore_IsToldByTheContainerAfterTheCut(string later, string exitCode)
    {
        var looks = 0;
        using var isCut = new CancellationTokenSource();
        docker.System.MonitorEventsAsync(Arg.Any<ContainerEventsParameters>(), Arg.Any<IProgress<Message>>(), Arg.Any<CancellationToken>()).Returns(async call =>
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(call.Arg<CancellationToken>(), isCut.IsCancellationRequested ? default : isCut.Token);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new IOException("connection reset");
        });
        docker.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(_ =>
        {
            if (++looks == 1)
                return new ContainerInspectResponse { Name = "/demo-v1-1", State = new State { FinishedAt = "0001-01-01T00:00:00Z", Running = true } };
            return later == "gone"
                ? throw new DockerContainerNotFoundException(HttpStatusCode.NotFound, "no such container")
                : new ContainerInspectResponse { Name = "/demo-v1-1", State = new State { FinishedAt = later.Split(' ')[0], Running = later.EndsWith("running", StringComparison.Ordinal), ExitCode = 7 } };
        });

        var exit = Host().FirstExitAsync(["c1"], "12.5", () => { }, Ct);
        Assert.NotSame(exit, await Task.WhenAny(exit, Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct)));
        await isCut.CancelAsync();
        await AdvancedAsync(exit);

        Assert.Equal(new ContainerExit("c1", later == "gone" ? "c1" : "demo-v1-1", exitCode), await exit);
    }

    // Docker gives a container its image's labels, and with this one the sidecar registers it.
    [Fact]
    public async Task List_AReleaseWhoseImageMayBeRegistered_IsNoTestsAndStays()
    {
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns([Deployed("demo-v1-1", ("SERVICE_IGNORE", "false"))]);
        var document = ServiceDocument.Create("demo", []) with { Active = new Release("d1", "v1", "demo@sha256:v1", DateTimeOffset.UnixEpoch) };

        Assert.Empty(Housekeeping.Leftovers(document, await Host().ListAsync("demo", document, Ct)));
    }

    private static ContainerListResponse Deployed(string name, params (string Name, string Value)[] labels) => new()
    {
        ID = name,
        Names = [$"/{name}"],
        State = "running",
        Labels = labels.Append(("mesh.deployment", "d1")).ToDictionary(label => label.Item1, label => label.Item2),
    };

    private static async Task<T> SilentAsync<T>(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        throw new InvalidOperationException();
    }

    private static DockerApiException UnderWay() =>
        new(HttpStatusCode.Conflict, """{"message":"removal of container c1 is already in progress"}""");

    private void Answers(Func<int, Exception> failure) => docker.Containers
        .RemoveContainerAsync("c1", Arg.Any<ContainerRemoveParameters>(), Arg.Any<CancellationToken>())
        .Returns(_ => Task.FromException(failure(++asked)));

    private ContainerHost Host(bool isOneOfSeveral = false) => new(
        new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => SecretValues.None, "mesh", time)
    { IsOneOfSeveral = isOneOfSeveral };

    private Task RemovedAsync() => AdvancedAsync(Host().RemoveAsync("c1", Ct));

    private async Task AdvancedAsync(Task work)
    {
        while (await Task.WhenAny(work, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct)) != work)
            time.Advance(TimeSpan.FromMilliseconds(100));
        await work;
    }
}
