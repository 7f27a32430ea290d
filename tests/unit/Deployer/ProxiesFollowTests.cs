using ServiceMesh.Deployer;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Output;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ProxiesFollowTests
{
    private const string Warning =
        "no proxy is registered as 'proxi', so none is waited for: if there are proxies, name them with --proxy-service (MESH_PROXY_SERVICE)";

    // A typo would otherwise stop the old release under proxies that still send to it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Wait_NoProxyUnderThatName_IsWarnedOfBeforehandAndAfterwards(bool beforehand)
    {
        var ct = TestContext.Current.CancellationToken;
        var docker = new DockerHost("docker", Address: null, "0.0.0.0");
        var told = new StringWriter();
        var narrator = new PlainNarrator(told, TimeProvider.System);
        using var consul = new LocalServer(_ => "[]");
        using var mesh = new Mesh(new DeliverySettings(consul.Address("http"), new HostList([docker], docker), "mesh", "proxi"), TimeProvider.System);
        var follow = new ProxiesFollow(mesh, narrator);

        if (beforehand)
            await follow.WarnBeforehandAsync(new StoredDocument("demo", null, 0, null), ct);
        else
            Assert.Empty(await follow.WaitAsync("demo", 7, ct));

        Assert.Equal([Warning], narrator.Warnings);
        Assert.Equal(beforehand ? [] : ["none is registered as 'proxi'"], narrator.Phases.Select(phase => phase.Detail));
    }
}
