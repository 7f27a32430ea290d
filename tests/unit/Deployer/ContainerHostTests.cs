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

    private static DockerApiException UnderWay() =>
        new(HttpStatusCode.Conflict, """{"message":"removal of container c1 is already in progress"}""");

    private void Answers(Func<int, Exception> failure) => docker.Containers
        .RemoveContainerAsync("c1", Arg.Any<ContainerRemoveParameters>(), Arg.Any<CancellationToken>())
        .Returns(_ => Task.FromException(failure(++asked)));

    private async Task RemovedAsync()
    {
        var host = new ContainerHost(
            new DockerHost("h1", Address: null, "10.0.0.9"), docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => throw new InvalidOperationException(), "mesh", time);
        var removing = host.RemoveAsync("c1", Ct);
        while (await Task.WhenAny(removing, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct)) != removing)
            time.Advance(TimeSpan.FromMilliseconds(100));
        await removing;
    }
}
