using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Store;
using ServiceMesh.Tests.Integration.ConsulApi;
using Xunit;

namespace ServiceMesh.Tests.Integration.MeshModel;

public sealed class MeshStoreRightsTests(AclConsulFixture acl) : IClassFixture<AclConsulFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_WithoutTheRightToReadKeys_IsRefusedAndNotEmpty()
    {
        using var consul = ClientWith(token: null);

        var refused = await Assert.ThrowsAsync<ConsulRequestException>(() => StoreOf(consul).ListAsync(Ct));

        Assert.Equal(ConsulFault.Forbidden, refused.Fault);
    }

    [Fact]
    public async Task List_WithTheRightAndWithoutDocuments_IsEmpty()
    {
        using var consul = ClientWith(acl.ManagementToken);

        Assert.Empty((await StoreOf(consul).ListAsync(Ct)).Services);
    }

    private ConsulClient ClientWith(string? token) => new(config =>
    {
        config.Address = acl.Address;
        config.Token = token;
    });

    private static MeshStore StoreOf(ConsulClient consul) =>
        new(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));
}
