using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Output;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>How tests went is known when they end, whatever becomes of their container.</summary>
public sealed class TestRunnerTests : IDisposable
{
    private readonly IDockerClient docker = Substitute.For<IDockerClient>();
    private readonly FakeTimeProvider time = new();
    private readonly StringWriter told = new();

    public TestRunnerTests()
    {
        docker.Containers.CreateContainerAsync(Arg.Any<CreateContainerParameters>(), Arg.Any<CancellationToken>()).Returns(new CreateContainerResponse { ID = "t1" });
        docker.Containers.InspectContainerAsync("t1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        docker.Containers.GetContainerLogsAsync("t1", Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(_ => new MultiplexedStream(new MemoryStream("2 passed, 1 failed\n"u8.ToArray()), multiplexed: false));
        docker.Containers.WaitContainerAsync("t1", Arg.Any<CancellationToken>()).Returns(new ContainerWaitResponse { StatusCode = 1 });
    }

    public void Dispose() => told.Dispose();

    [Fact]
    public async Task RunAsync_DockerDoesNotRemoveTheContainer_WarnsAndKeepsTheResult()
    {
        Removal(_ => Task.FromException(new DockerApiException(HttpStatusCode.InternalServerError, """{"message":"device or resource busy"}""")));

        var run = await RunAsync();

        Assert.Equal((1, 2, 1), (run.ExitCode, run.Passed, run.Failed));
        Assert.Contains(
            "warning: the tests' container demo-v2-tests is left to the next deploy or abort: Docker refused a call (500): device or resource busy.", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_DockerIsSilentWhenTheContainerIsRemoved_WarnsAndKeepsTheResult()
    {
        Removal(ct => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct));

        var run = await RunAsync();

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("is left to the next deploy or abort: it took longer than 30s", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_SomebodyRemovesTheContainer_IsARejection()
    {
        docker.Containers.WaitContainerAsync("t1", Arg.Any<CancellationToken>()).ThrowsAsync(new DockerContainerNotFoundException(HttpStatusCode.NotFound, "no such container"));
        docker.Containers.GetContainerLogsAsync("t1", Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(_ => new MultiplexedStream(new MemoryStream("hanging\n"u8.ToArray()), multiplexed: false));

        var run = await RunAsync();

        Assert.Equal("hanging", run.LogTail);
        Assert.StartsWith(
            "demo v2 was rejected by its tests: they were killed, or their container was removed (exit code 137).",
            TestRunner.Rejection("demo", "v2", run, TimeSpan.FromMinutes(10)), StringComparison.Ordinal);
    }

    // A Docker that hangs is no fault of the tests', and what they ended with is known when it wakes up.
    [Theory]
    [InlineData("running", TestRunner.TimedOut)]
    [InlineData("exited", 3)]
    public async Task RunAsync_NothingIsHeardOfTheTestsInTheirTime_EndsAsDockerThenTells(string status, int exitCode)
    {
        docker.Containers.WaitContainerAsync("t1", Arg.Any<CancellationToken>()).Returns(call => SilentAsync<ContainerWaitResponse>(call.Arg<CancellationToken>()));
        Inspected(new State { Status = status, Running = status == "running", ExitCode = 3 });

        Assert.Equal(exitCode, (await RunAsync()).ExitCode);
    }

    [Theory]
    [InlineData(false, "does not tell within 5s whether they still run")]
    [InlineData(true, "has not started them")]
    public async Task RunAsync_DockerHangsForAllOfTheTestsTime_IsDockersFault(bool answersAtLast, string told)
    {
        docker.Containers.StartContainerAsync("t1", Arg.Any<ContainerStartParameters>(), Arg.Any<CancellationToken>()).Returns(call => SilentAsync<bool>(call.Arg<CancellationToken>()));
        if (answersAtLast)
            Inspected(new State { Status = "created" });
        else
            docker.Containers.InspectContainerAsync("t1", Arg.Any<CancellationToken>()).Returns(call => SilentAsync<ContainerInspectResponse>(call.Arg<CancellationToken>()));

        var fault = await Assert.ThrowsAsync<DeliveryException>(RunAsync);

        Assert.Equal((ExitCode.Unreachable, $"Docker hangs: 10m, all the time that the tests have, are over, and it {told}. {Faults.DockerMend}"), (fault.Code, fault.Message));
    }

    private static async Task<T> SilentAsync<T>(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        throw new InvalidOperationException();
    }

    private void Inspected(State state) =>
        docker.Containers.InspectContainerAsync("t1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse { State = state });

    private void Removal(Func<CancellationToken, Task> answer) => docker.Containers
        .RemoveContainerAsync("t1", Arg.Any<ContainerRemoveParameters>(), Arg.Any<CancellationToken>()).Returns(call => answer(call.Arg<CancellationToken>()));

    private async Task<TestRun> RunAsync()
    {
        var host = new ContainerHost(
            new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => SecretValues.None, "mesh", time);
        var run = new TestRunner(host, new PlainNarrator(told, time), time).RunAsync(
            new CreateContainerParameters { Name = "demo-v2-tests", Image = "t@sha256:0" }, TimeSpan.FromMinutes(10), TestContext.Current.CancellationToken);
        while (await Task.WhenAny(run, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, TestContext.Current.CancellationToken)) != run)
            time.Advance(TimeSpan.FromSeconds(1));
        return await run;
    }
}
