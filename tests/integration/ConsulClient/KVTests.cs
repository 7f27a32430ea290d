using System.Text;
using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class KVTests(ConsulFixture consul)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IKVEndpoint KV => consul.Client.KV;

    public static TheoryData<string> OddKeys =>
    [
        "with space", "per%cent%20", "question?mark&a=b", "fragment#x", "plus+sign", "umlaut-äöü-日本-🦊", "a;b,c=d",
        "quote\"'<>\\^`{|}", "trailing/", "dot.ted/..x/y..", "colon:at@!$*()",
    ];

    [Fact]
    public async Task Get_AbsentKey_IsNullWithAnIndex()
    {
        var found = await KV.Get(ConsulFixture.Unique("absent"), Ct);

        Assert.Null(found.Response);
        Assert.Equal(404, (int)found.StatusCode);
        Assert.NotEqual(0UL, found.LastIndex);
        Assert.True(found.KnownLeader);
    }

    [Fact]
    public async Task Put_BytesAndFlags_AreReadBack()
    {
        var key = ConsulFixture.Unique("kv");
        byte[] value = [0, 1, 254, 255, 10, 13];

        Assert.True((await KV.Put(new KVPair(key) { Value = value, Flags = ulong.MaxValue }, Ct)).Response);
        var pair = (await KV.Get(key, Ct)).Response;

        Assert.NotNull(pair);
        Assert.Equal(key, pair.Key);
        Assert.Equal(value, pair.Value);
        Assert.Equal(ulong.MaxValue, pair.Flags);
        Assert.Equal(pair.CreateIndex, pair.ModifyIndex);
        Assert.NotEqual(0UL, pair.ModifyIndex);
        Assert.Null(pair.Session);
    }

    [Fact]
    public async Task Put_EmptyValue_IsReadBackAsNull()
    {
        var key = ConsulFixture.Unique("kv");

        await KV.Put(new KVPair(key), Ct);

        var pair = (await KV.Get(key, Ct)).Response;
        Assert.NotNull(pair);
        Assert.Null(pair.Value);
    }

    [Theory]
    [MemberData(nameof(OddKeys))]
    public async Task Put_OddKey_IsThatVeryKey(string odd)
    {
        var prefix = $"{ConsulFixture.Unique("odd")}/";
        var key = prefix + odd;

        await KV.Put(new KVPair(key) { Value = Encoding.UTF8.GetBytes(odd) }, Ct);

        Assert.Equal([key], await KeysAt(prefix));
        Assert.Equal(odd, Encoding.UTF8.GetString((await KV.Get(key, Ct)).Response?.Value ?? []));
        Assert.True((await KV.Delete(key, Ct)).Response);
        Assert.Empty(await KeysAt(prefix));
    }

    [Theory]
    [InlineData("a//b")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    public async Task Put_KeyThatConsulWouldClean_NeverWritesAnotherKey(string unclean)
    {
        var prefix = $"{ConsulFixture.Unique("unclean")}/";

        var failure = await Record.ExceptionAsync(() => KV.Put(new KVPair(prefix + unclean), Ct));

        var keys = await KeysAt(prefix);
        if (failure is null)
        {
            Assert.Equal([prefix + unclean], keys);
        }
        else
        {
            Assert.Equal(ConsulFault.Rejected, Assert.IsType<ConsulRequestException>(failure).Fault);
            Assert.Contains("redirected", failure.Message, StringComparison.Ordinal);
            Assert.Empty(keys);
        }
    }

    [Fact]
    public async Task List_PrefixThatEndsInASlash_LeavesTheLongerNameOut()
    {
        var root = ConsulFixture.Unique("list");
        await KV.Put(new KVPair($"{root}/svc-1/x"), Ct);
        await KV.Put(new KVPair($"{root}/svc-10/x"), Ct);

        var withSlash = (await KV.List($"{root}/svc-1/", Ct)).Response;
        var without = (await KV.List($"{root}/svc-1", Ct)).Response;

        Assert.Equal([$"{root}/svc-1/x"], withSlash?.Select(pair => pair.Key));
        Assert.Equal([$"{root}/svc-1/x", $"{root}/svc-10/x"], without?.Select(pair => pair.Key));
    }

    [Fact]
    public async Task List_NothingThere_IsNullWithAnIndex()
    {
        var found = await KV.List($"{ConsulFixture.Unique("nothing")}/", Ct);

        Assert.Null(found.Response);
        Assert.NotEqual(0UL, found.LastIndex);
    }

    [Fact]
    public async Task Keys_WithASeparator_ListsOneLevel()
    {
        var root = ConsulFixture.Unique("keys");
        foreach (var key in (string[])["a", "b/1", "b/2"])
            await KV.Put(new KVPair($"{root}/{key}"), Ct);

        Assert.Equal([$"{root}/a", $"{root}/b/"], (await KV.Keys($"{root}/", "/", Ct)).Response ?? []);
        Assert.Equal(3, (await KV.Keys($"{root}/", Ct)).Response?.Length);
    }

    [Fact]
    public async Task DeleteTree_Prefix_LeavesTheRest()
    {
        var root = ConsulFixture.Unique("tree");
        await KV.Put(new KVPair($"{root}/a/1"), Ct);
        await KV.Put(new KVPair($"{root}/b"), Ct);

        Assert.True((await KV.DeleteTree($"{root}/a/", Ct)).Response);

        Assert.Equal([$"{root}/b"], await KeysAt($"{root}/"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/leading")]
    public async Task Put_KeyThatIsNone_IsRefusedHere(string key)
    {
        await Assert.ThrowsAsync<InvalidKeyPairException>(() => KV.Put(new KVPair(key), Ct));
        await Assert.ThrowsAsync<InvalidKeyPairException>(() => KV.DeleteTree(key, Ct));
    }

    [Fact]
    public async Task Put_ValueAboveTheLimit_IsTooLarge()
    {
        var pair = new KVPair(ConsulFixture.Unique("large")) { Value = new byte[(512 * 1024) + 1] };

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => KV.Put(pair, Ct));

        Assert.Equal(ConsulFault.TooLarge, failure.Fault);
        Assert.False(failure.IsTransient);
    }

    private async Task<string[]> KeysAt(string prefix) => (await KV.Keys(prefix, Ct)).Response ?? [];
}
