using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class AclTests(AclConsulFixture consul) : IClassFixture<AclConsulFixture>
{
    private const string Stranger = "11111111-2222-3333-4444-555555555555";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Put_WithATokenThatMay_IsDone()
    {
        using var client = ConsulFixture.ClientOf(consul.Address, consul.ManagementToken);

        Assert.True((await client.KV.Put(new KVPair("configured"), Ct)).Response);
    }

    [Fact]
    public async Task Put_TokenOfTheCall_GoesBeforeTheConfigured()
    {
        using var client = ConsulFixture.ClientOf(consul.Address, Stranger);
        var token = consul.ManagementToken;

        Assert.True((await client.KV.Put(new KVPair("called"), new WriteOptions { Token = token }, Ct)).Response);
        Assert.NotNull((await client.KV.Get("called", new QueryOptions { Token = token }, Ct)).Response);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Stranger)]
    public async Task Put_WithoutATokenThatMay_IsForbiddenAndTellsNoToken(string? token)
    {
        using var client = ConsulFixture.ClientOf(consul.Address, token);

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => client.KV.Put(new KVPair("a"), Ct));

        Assert.Equal(ConsulFault.Forbidden, failure.Fault);
        Assert.Equal(403, (int)failure.StatusCode);
        Assert.False(failure.IsTransient);
        Assert.Contains("/v1/kv/a: 403 Forbidden: ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Stranger, failure.ToString(), StringComparison.Ordinal);
    }
}
