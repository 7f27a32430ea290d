using System.Globalization;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

/// <summary>What the store asks of Consul; what Consul makes of it is for the integration tests.</summary>
public sealed class MeshStoreTests
{
    private readonly IKVEndpoint kv = Substitute.For<IKVEndpoint>();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly MeshStore store;

    public MeshStoreTests()
    {
        consul.KV.Returns(kv);
        kv.List(Arg.Any<string>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new QueryResult<KVPair[]?> { LastIndex = 1 });
        kv.Get(Arg.Any<string>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(new QueryResult<KVPair?>());
        store = new MeshStore(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Watch_EveryQuery_IsConsistent()
    {
        await using var sets = store.WatchAsync(DocumentSet.Empty, Ct).GetAsyncEnumerator(Ct);

        Assert.True(await sets.MoveNextAsync());

        await kv.Received().List("mesh/services/", Consistent, Arg.Any<CancellationToken>());
        await kv.DidNotReceive().List(Arg.Any<string>(), Other, Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task Read_EachWay_IsConsistent()
    {
        await store.ReadAsync("demo", Ct);
        await store.ListAsync(Ct);
        await store.HistoryAsync("demo", Ct);

        await kv.Received().Get("mesh/services/demo", Consistent, Arg.Any<CancellationToken>());
        await kv.Received().List("mesh/services/", Consistent, Arg.Any<CancellationToken>());
        await kv.Received().List("mesh/history/demo/", Consistent, Arg.Any<CancellationToken>());
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("3", true)]
    [InlineData("2 3", false)]
    public async Task Commit_IsRefused_IsOvertakenWhereItSaysSoOfTheLatestAlone(string operations, bool isOvertaken)
    {
        var release = new Release("d1", "v1", "image@sha256:0", DateTimeOffset.UnixEpoch);
        var entry = Entry();
        List<TxnError> errors = [.. operations.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(index => new TxnError { OpIndex = int.Parse(index, CultureInfo.InvariantCulture), What = "refused" })];
        kv.Txn(Arg.Any<List<KVTxnOp>>(), Arg.Any<CancellationToken>()).Returns(new WriteResult<KVTxnResponse>(new WriteResult(), new KVTxnResponse { Errors = errors }));
        await using var held = new ServiceLock(consul, TimeProvider.System, "s1");

        var result = await store.CommitAsync(held, ServiceDocument.Create("demo", []).Promote(release), expectedIndex: 7, entry, Ct, latest: 9);

        Assert.Equal((false, isOvertaken), (result.Committed, result.IsOvertaken));
    }

    // A document that was written as it was is at an earlier index than its entry, and one that another wrote since at a later one.
    [Theory]
    [InlineData(7, 9, 7)]
    [InlineData(9, 9, 9)]
    [InlineData(12, 9, 9)]
    [InlineData(0, 9, 9)]
    public async Task CommittedAt_ByWhereTheDocumentIs_IsTheIndexThatItHadByThen(ulong document, ulong written, ulong index)
    {
        var entry = Entry();
        List<KVTxnOp> sent = [];
        kv.Txn(Arg.Do<List<KVTxnOp>>(sent.AddRange), Arg.Any<CancellationToken>()).Returns(new WriteResult<KVTxnResponse>(new WriteResult(), new KVTxnResponse()));
        await using var held = new ServiceLock(consul, TimeProvider.System, "s1");
        await store.CommitAsync(held, document: null, expectedIndex: 0, entry, Ct);
        var put = sent.Single(operation => operation.Key.StartsWith("mesh/history/demo/", StringComparison.Ordinal));
        kv.List("mesh/history/demo/", Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new QueryResult<KVPair[]?> { Response = [new KVPair(put.Key) { Value = put.Value, ModifyIndex = written }] });
        kv.Get("mesh/services/demo", Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new QueryResult<KVPair?> { Response = document == 0 ? null : new KVPair("mesh/services/demo") { ModifyIndex = document } });

        Assert.Equal(index, await store.CommittedAtAsync(entry, Ct));
        Assert.Null(await store.CommittedAtAsync(entry with { Who = "another" }, Ct));
    }

    private static HistoryEntry Entry() => new()
    {
        Number = 1,
        Service = "demo",
        Action = "deploy",
        Outcome = Outcome.Promoted,
        Who = "ci",
        At = DateTimeOffset.UnixEpoch,
        Seconds = 1,
        Release = new Release("d1", "v1", "image@sha256:0", DateTimeOffset.UnixEpoch),
    };

    private static QueryOptions Consistent => Arg.Is<QueryOptions>(query => query.Consistency == ConsistencyMode.Consistent);

    private static QueryOptions Other => Arg.Is<QueryOptions>(query => query.Consistency != ConsistencyMode.Consistent);
}
