using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class KVCasTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IKVEndpoint KV => consul.Client.KV;

    [Fact]
    public async Task CAS_IndexZero_OnlyCreates()
    {
        var key = ConsulFixture.Unique("cas");

        Assert.True((await KV.CAS(new KVPair(key) { Value = [1] }, Ct)).Response);
        Assert.False((await KV.CAS(new KVPair(key) { Value = [2] }, Ct)).Response);

        Assert.Equal([1], (await KV.Get(key, Ct)).Response?.Value);
    }

    [Fact]
    public async Task CAS_TwoWritersOfOneRead_OneWins()
    {
        var key = ConsulFixture.Unique("cas");
        await KV.Put(new KVPair(key) { Value = [0] }, Ct);
        var read = (await KV.Get(key, Ct)).Response;
        Assert.NotNull(read);

        read.Value = [1];
        Assert.True((await KV.CAS(read, Ct)).Response);
        read.Value = [2];
        Assert.False((await KV.CAS(read, Ct)).Response);

        Assert.Equal([1], (await KV.Get(key, Ct)).Response?.Value);
    }

    [Fact]
    public async Task DeleteCAS_StaleIndex_LeavesTheKey()
    {
        var key = ConsulFixture.Unique("cas");
        await KV.Put(new KVPair(key) { Value = [0] }, Ct);
        var stale = (await KV.Get(key, Ct)).Response!;
        await KV.Put(new KVPair(key) { Value = [1] }, Ct);
        var fresh = (await KV.Get(key, Ct)).Response!;

        Assert.False((await KV.DeleteCAS(stale, Ct)).Response);
        Assert.NotNull((await KV.Get(key, Ct)).Response);
        Assert.True((await KV.DeleteCAS(fresh, Ct)).Response);
        Assert.Null((await KV.Get(key, Ct)).Response);
    }

    [Fact]
    public async Task Acquire_HeldByAnotherSession_IsFalseUntilReleased()
    {
        var key = ConsulFixture.Unique("lock");
        var first = (await consul.Client.Session.Create(Ct)).Response;
        var second = (await consul.Client.Session.Create(Ct)).Response;

        Assert.True((await KV.Acquire(new KVPair(key) { Session = first }, Ct)).Response);
        Assert.False((await KV.Acquire(new KVPair(key) { Session = second }, Ct)).Response);
        Assert.Equal(first, (await KV.Get(key, Ct)).Response?.Session);
        Assert.False((await KV.Release(new KVPair(key) { Session = second }, Ct)).Response);
        Assert.True((await KV.Release(new KVPair(key) { Session = first }, Ct)).Response);
        Assert.True((await KV.Acquire(new KVPair(key) { Session = second }, Ct)).Response);
        Assert.Equal(2UL, (await KV.Get(key, Ct)).Response?.LockIndex);
    }

    [Fact]
    public async Task Acquire_WithoutASession_IsRefusedHere() =>
        await Assert.ThrowsAsync<InvalidKeyPairException>(() => KV.Acquire(new KVPair("mesh/none"), Ct));
}
