using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class KVTxnTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IKVEndpoint KV => consul.Client.KV;

    [Fact]
    public async Task Txn_AllHold_DoesAllAndReturnsEntriesByKey()
    {
        var root = ConsulFixture.Unique("txn");
        await KV.Put(new KVPair($"{root}/old"), Ct);

        var txn = await KV.Txn(
            [
                new KVTxnOp($"{root}/old", KVTxnVerb.Delete),
                new KVTxnOp($"{root}/document", KVTxnVerb.CAS) { Value = [1, 2], Index = 0 },
                new KVTxnOp($"{root}/history", KVTxnVerb.Set) { Value = [3], Flags = 7 },
            ],
            Ct);

        Assert.True(txn.Response.Success);
        Assert.Empty(txn.Response.Errors);
        Assert.Equal([$"{root}/document", $"{root}/history"], txn.Response.Results.Select(pair => pair.Key));
        Assert.Equal(2, (await KV.Keys($"{root}/", Ct)).Response?.Length);
        var document = (await KV.Get($"{root}/document", Ct)).Response!;
        Assert.Equal([1, 2], document.Value);
        Assert.Equal(document.ModifyIndex, txn.Response.Results[0].ModifyIndex);
        Assert.Equal(7UL, (await KV.Get($"{root}/history", Ct)).Response?.Flags);
    }

    [Fact]
    public async Task Txn_LostCas_DoesNothingAndSaysWhich()
    {
        var root = ConsulFixture.Unique("txn");
        await KV.Put(new KVPair($"{root}/document") { Value = [1] }, Ct);

        var txn = await KV.Txn(
            [
                new KVTxnOp($"{root}/history", KVTxnVerb.Set) { Value = [3] },
                new KVTxnOp($"{root}/document", KVTxnVerb.CAS) { Value = [2], Index = 1 },
            ],
            Ct);

        Assert.False(txn.Response.Success);
        Assert.Equal(409, (int)txn.StatusCode);
        Assert.Empty(txn.Response.Results);
        var error = Assert.Single(txn.Response.Errors);
        Assert.Equal(1, error.OpIndex);
        Assert.Contains("index is stale", error.What, StringComparison.Ordinal);
        Assert.Equal([$"{root}/document"], await KeysAt($"{root}/"));
    }

    [Fact]
    public async Task Txn_CheckSession_HoldsUntilTheSessionIsGone()
    {
        var root = ConsulFixture.Unique("txn");
        var session = (await consul.Client.Session.Create(Ct)).Response;
        Assert.True((await KV.Acquire(new KVPair($"{root}/lock") { Session = session }, Ct)).Response);
        List<KVTxnOp> promote =
        [
            new KVTxnOp($"{root}/lock", KVTxnVerb.CheckSession) { Session = session },
            new KVTxnOp($"{root}/document", KVTxnVerb.Set) { Value = [1] },
        ];

        Assert.True((await KV.Txn(promote, Ct)).Response.Success);
        await consul.Client.Session.Destroy(session, Ct);
        var after = await KV.Txn(promote, Ct);

        Assert.False(after.Response.Success);
        Assert.Equal(409, (int)after.StatusCode);
        Assert.Equal(0, Assert.Single(after.Response.Errors).OpIndex);
    }

    [Fact]
    public async Task Txn_GetAndGetTree_ReturnValues()
    {
        var root = ConsulFixture.Unique("txn");
        await KV.Put(new KVPair($"{root}/a") { Value = [1] }, Ct);
        await KV.Put(new KVPair($"{root}/b") { Value = [2] }, Ct);

        var txn = await KV.Txn(
            [new KVTxnOp($"{root}/a", KVTxnVerb.Get), new KVTxnOp($"{root}/", KVTxnVerb.GetTree)], Ct);

        Assert.Equal([1, 1, 2], txn.Response.Results.Select(pair => pair.Value![0]));
    }

    [Theory]
    [InlineData("a//b")]
    [InlineData("a/../b")]
    public async Task Txn_KeyThatAPathCannotCarry_IsThatVeryKey(string unclean)
    {
        var prefix = $"{ConsulFixture.Unique("txn")}/";

        await KV.Txn([new KVTxnOp(prefix + unclean, KVTxnVerb.Set) { Value = [1] }], Ct);

        Assert.Equal([prefix + unclean], await KeysAt(prefix));
    }

    // 64 operations are the limit of Consul 1.8, 128 of newer ones.
    [Fact]
    public async Task Txn_TooManyOperations_IsTooLargeAndDoesNothing()
    {
        var root = ConsulFixture.Unique("txn");
        List<KVTxnOp> ops = [.. Enumerable.Range(0, 129).Select(n => new KVTxnOp($"{root}/{n}", KVTxnVerb.Set))];

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => KV.Txn(ops, Ct));

        Assert.Equal(ConsulFault.TooLarge, failure.Fault);
        Assert.Equal(413, (int)failure.StatusCode);
        Assert.Contains("PUT ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("/v1/txn", failure.Message, StringComparison.Ordinal);
        Assert.Null((await KV.Keys($"{root}/", Ct)).Response);
    }

    private async Task<string[]> KeysAt(string prefix) => (await KV.Keys(prefix, Ct)).Response ?? [];
}
