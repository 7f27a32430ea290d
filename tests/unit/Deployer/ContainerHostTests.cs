using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
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

    [Fact]
    public async Task List_TestsThatADeployerLeft_AreNoneOfTheReplicas()
    {
        docker.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>()).Returns([Deployed("demo-v1-1"), Deployed("demo-v1-tests", ("SERVICE_IGNORE", "true"), ("mesh.tests", "true"))]);
        var hosts = new ContainerHosts([Host()], [Host()], time);

        Assert.Equal(["demo-v1-1"], (await hosts.ListAsync("demo", document: null, Ct)).Select(container => container.Name));
        Assert.Equal([("demo-v1-1", false), ("demo-v1-tests", true)], (await hosts.ListAsync("demo", document: null, Ct, withTests: true)).Select(container => (container.Name, container.IsTests)));
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

    private static DockerApiException UnderWay() =>
        new(HttpStatusCode.Conflict, """{"message":"removal of container c1 is already in progress"}""");

    private void Answers(Func<int, Exception> failure) => docker.Containers
        .RemoveContainerAsync("c1", Arg.Any<ContainerRemoveParameters>(), Arg.Any<CancellationToken>())
        .Returns(_ => Task.FromException(failure(++asked)));

    private ContainerHost Host() => new(
        new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => throw new InvalidOperationException(), "mesh", time);

    private async Task RemovedAsync()
    {
        var removing = Host().RemoveAsync("c1", Ct);
        while (await Task.WhenAny(removing, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct)) != removing)
            time.Advance(TimeSpan.FromMilliseconds(100));
        await removing;
    }
}
