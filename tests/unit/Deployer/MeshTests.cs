using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class MeshTests
{
    // CONSUL_HTTP_ADDR may have both; sentences with the address come into JSON, and into the history.
    [Fact]
    public void ConsulAddress_WithAUserAndAPassword_IsToldWithoutThem()
    {
        var docker = new DockerHost("h1", Address: null, "10.0.0.9");
        using var mesh = new Mesh(new DeliverySettings(new Uri("http://me:secret@10.0.0.9:8500"), new HostList([docker], docker), "mesh", "proxy"), TimeProvider.System);

        Assert.Equal("http://10.0.0.9:8500", mesh.ConsulAddress);
    }
}
