using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class StatusTests(ConsulFixture consul)
{
    [Fact]
    public async Task Leader_OneServer_IsTheOnlyPeer()
    {
        var ct = TestContext.Current.CancellationToken;

        var leader = await consul.Client.Status.Leader(ct);

        Assert.NotEmpty(leader);
        Assert.Equal([leader], await consul.Client.Status.Peers(ct));
    }
}
