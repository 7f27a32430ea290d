using Docker.DotNet;
using Docker.DotNet.Models;
using NSubstitute;
using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class LastLinesTests
{
    [Fact]
    public async Task Of_ARelease_AreToldAlthoughAnotherHostIsSilent()
    {
        var (silent, answers) = (Substitute.For<IDockerClient>(), Substitute.For<IDockerClient>());
        silent.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>())
            .Returns(call => NeverAsync(call.Arg<CancellationToken>()));
        answers.Containers.ListContainersAsync(Arg.Any<ContainersListParameters>(), Arg.Any<CancellationToken>())
            .Returns([new ContainerListResponse { ID = "c1", Names = ["/demo-v2-1"], State = "running", Image = "i", Labels = new Dictionary<string, string> { [ContainerLabel.Deployment] = "d2" } }]);
        answers.Containers.InspectContainerAsync("c1", Arg.Any<CancellationToken>()).Returns(new ContainerInspectResponse());
        answers.Containers.GetContainerLogsAsync("c1", Arg.Any<ContainerLogsParameters>(), Arg.Any<CancellationToken>())
            .Returns(_ => new MultiplexedStream(new MemoryStream("out of memory\n"u8.ToArray()), multiplexed: false));
        using var consul = new LocalServer(_ => "[]");
        var (first, second) = (new DockerHost("h1", Address: null, "10.0.0.9"), new DockerHost("h2", Address: null, "10.0.0.8"));
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([first, second], first), "mesh", "proxy"), TimeProvider.System);
        ContainerHost[] hosts = [Host(first, silent), Host(second, answers)];

        var lines = await new LastLines(mesh, new ContainerHosts(hosts, hosts, TimeProvider.System)).OfAsync("demo", new Release("d2", "v2", "i", default));

        Assert.Equal(["out of memory"], lines);
    }

    private static async Task<IList<ContainerListResponse>> NeverAsync(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        return [];
    }

    private static ContainerHost Host(DockerHost host, IDockerClient docker) =>
        new(host, docker, new RegistryCredentials("", (_, _, _) => Task.FromResult<string?>(null)), () => SecretValues.None, "mesh", TimeProvider.System) { IsOneOfSeveral = true };
}
