using System.Security.Cryptography;
using System.Text;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Integration.MeshModel;

public sealed class MeshStoreTests(ConsulFixture consul)
{
    private readonly string service = ConsulFixture.Unique("svc");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private MeshStore Store => new(consul.Client, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));

    private LockStore Locks => new(consul.Client, TimeProvider.System);

    private static LockHolder Me => new("me@here", "a test", DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task Commit_DocumentAndHistory_AreWrittenUnderOneIndex()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);

        var first = await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);
        var second = await Store.CommitAsync(held!, Document("d1", "d2"), first.Index, Entry("d2", number: 2), Ct);

        Assert.True(first.Committed && second.Committed, first.Conflict ?? second.Conflict);
        var stored = await Store.ReadAsync(service, Ct);
        Assert.Equal(second.Index, stored?.Index);
        Assert.Equal("d2", stored?.Document?.Active?.Deployment);
        Assert.Equal([(1, "d1"), (2, "d2")], (await Store.HistoryAsync(service, Ct)).Select(entry => (entry.Number, entry.Release.Deployment)));
    }

    // As by whoever says a change again that did not come to its end: whether it is still that document, its index tells.
    [Fact]
    public async Task Commit_TheSameDocumentAgain_HasTheIndexThatItKeeps()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);

        var first = await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);
        var again = await Store.CommitAsync(held!, Document("d1"), first.Index, Entry("d1", number: 2), Ct);

        Assert.True(again.Committed, again.Conflict);
        Assert.Equal((await Store.ReadAsync(service, Ct))?.Index, again.Index);
        Assert.Equal(again.Index, await Store.CommittedAtAsync(Entry("d1", number: 2), Ct));
    }

    [Fact]
    public async Task CommittedAt_AnEntry_IsTheIndexOfItsTransactionWhateverCameLater()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        var first = await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);
        await Store.CommitAsync(held!, Document("d1", "d2"), first.Index, Entry("d2", number: 2), Ct);

        Assert.Equal(first.Index, await Store.CommittedAtAsync(Entry("d1"), Ct));
        Assert.Null(await Store.CommittedAtAsync(Entry("d1") with { Who = "another@here" }, Ct));
    }

    [Fact]
    public async Task Commit_MoreEntriesThanTheLimit_RemovesTheOldest()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        foreach (var earlier in (int[])[1, 2, HistoryEntry.Limit])
            await consul.Client.KV.Put(new KVPair($"mesh/history/{service}/{earlier:D8}"), Ct);

        var number = await Store.NextNumberAsync(service, Ct);
        Assert.True((await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1", number), Ct)).Committed);

        var keys = (await consul.Client.KV.Keys($"mesh/history/{service}/", Ct)).Response!;
        Assert.Equal(["00000002", "00000100", "00000101"], keys.Select(key => key[^8..]));
    }

    [Fact]
    public async Task Commit_TheFullLogsOfManySuites_FitAsTheDeployerKeepsThem()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        var log = string.Join('\n', Enumerable.Repeat(new string('"', 160), 100));
        var entry = Entry("d1") with { Tests = [.. Enumerable.Range(0, 30).Select(number => new TestRun("t@sha256:0", 0, 1, 0, 1, log, $"s{number}"))] };

        await Assert.ThrowsAsync<ConsulRequestException>(() => Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, entry, Ct));
        var kept = await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, entry with { Tests = KeptTests.Of(entry.Tests) }, Ct);

        Assert.True(kept.Committed, kept.Conflict);
        Assert.Equal(30, Assert.Single(await Store.HistoryAsync(service, Ct)).Tests.Count);
    }

    [Fact]
    public async Task Commit_OverADocumentThatChanged_WritesNothing()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);

        var late = await Store.CommitAsync(held!, Document("d2"), expectedIndex: 1, Entry("d2", number: 2), Ct);

        Assert.False(late.Committed);
        Assert.NotNull(late.Conflict);
        Assert.Equal("d1", (await Store.ReadAsync(service, Ct))?.Document?.Active?.Deployment);
        Assert.Single(await Store.HistoryAsync(service, Ct));
    }

    [Fact]
    public async Task Commit_AfterTheLockIsLost_WritesNothing()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        await consul.Client.Session.Destroy(held!.Session, Ct);

        var late = await Store.CommitAsync(held, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);

        Assert.False(late.Committed);
        Assert.Null(await Store.ReadAsync(service, Ct));
        Assert.Empty(await Store.HistoryAsync(service, Ct));
    }

    [Fact]
    public async Task TryAcquire_WhileAnotherHoldsIt_IsNullAndTellsWho()
    {
        await using (await Locks.TryAcquireAsync(service, Me, Ct))
        {
            Assert.Null(await Locks.TryAcquireAsync(service, Me with { Who = "other@there" }, Ct));
            Assert.Equal(Me, await Locks.HolderAsync(service, Ct));
        }

        Assert.Null(await Locks.HolderAsync(service, Ct));
        await using var again = await Locks.TryAcquireAsync(service, Me, Ct);
        Assert.NotNull(again);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("hello")]
    public async Task Holder_HolderThatCannotBeRead_IsSomebody(string value)
    {
        var session = (await consul.Client.Session.Create(Ct)).Response;
        var pair = new KVPair($"mesh/locks/{service}") { Session = session, Value = Encoding.UTF8.GetBytes(value) };
        Assert.True((await consul.Client.KV.Acquire(pair, Ct)).Response);

        Assert.Equal("somebody", (await Locks.HolderAsync(service, Ct))?.Who);
        await consul.Client.Session.Destroy(session, Ct);
    }

    [Fact]
    public async Task Lost_WhenTheSessionIsDestroyed_IsCancelled()
    {
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        var lost = new TaskCompletionSource();
        await using var registration = held!.Lost.Register(lost.SetResult);

        await consul.Client.Session.Destroy(held.Session, Ct);

        await lost.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Fact]
    public async Task Watch_EachChange_IsSeenAndAFaultyDocumentKeepsTheLastSoundOne()
    {
        await using var sets = Store.WatchAsync(DocumentSet.Empty, Ct).GetAsyncEnumerator(Ct);
        await PutAsync(DocumentFormat.Write(Document("d1")));
        var sound = await UntilAsync(sets, stored => stored?.Document is not null);

        await PutAsync("hello"u8.ToArray());
        var faulty = await UntilAsync(sets, stored => stored?.Fault is not null);
        await consul.Client.KV.Delete($"mesh/services/{service}", Ct);
        var gone = await UntilAsync(sets, stored => stored is null);

        Assert.Equal("d1", sound?.Document?.Active?.Deployment);
        Assert.Equal((sound!.Document, sound.Index), (faulty!.Document, faulty.Index));
        Assert.StartsWith("not a service document:", faulty.Fault, StringComparison.Ordinal);
        Assert.Null(gone);
    }

    [Fact]
    public async Task Watch_ACommit_IsToldOfBeforeTheListOfAllHasCome()
    {
        ConsulForwarder? front = null;
        var watched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var slow = front = await ConsulForwarder.StartAsync(async context =>
        {
            // The first list comes; whoever waits for the next one waits until the test's end.
            var waits = context.Request.Query.ContainsKey("index");
            if (waits && context.Request.Path == "/v1/kv/mesh/latest")
                watched.TrySetResult();
            if (waits && context.Request.Query.ContainsKey("recurse"))
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            await front!.ForwardAsync(context, consul.Address, context.RequestAborted);
        });
        var store = new MeshStore(ConsulFixture.ClientOf(slow.Address), new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System));
        await using var held = await Locks.TryAcquireAsync(service, Me, Ct);
        await using var sets = store.WatchAsync(DocumentSet.Empty, Ct).GetAsyncEnumerator(Ct);
        await sets.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);
        // It asks for the next only while somebody listens.
        var telling = UntilAsync(sets, stored => stored is not null);
        await watched.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);

        var first = await Store.CommitAsync(held!, Document("d1"), expectedIndex: 0, Entry("d1"), Ct);
        var seen = await telling;

        Assert.Equal((first.Index, "d1"), (seen!.Index, seen.Document!.Active!.Deployment));
    }

    private async Task<StoredDocument?> UntilAsync(IAsyncEnumerator<DocumentSet> sets, Func<StoredDocument?, bool> wanted)
    {
        while (await sets.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct))
        {
            var stored = sets.Current.Services.GetValueOrDefault(service);
            if (wanted(stored))
                return stored;
        }

        throw new InvalidOperationException("the watch ended");
    }

    [Fact]
    public async Task PublishSigner_OneThatWasNotPublishedForLong_IsRemoved()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        await Store.PublishSignerAsync($"{service}-gone", key, now - MeshStore.SignerLife - TimeSpan.FromMinutes(1), Ct);
        await Store.PublishSignerAsync($"{service}-back", key, now - MeshStore.SignerLife - TimeSpan.FromMinutes(1), Ct);
        await Store.PublishSignerAsync($"{service}-back", key, now, Ct);
        await Store.PublishSignerAsync($"{service}-rare", key, now - MeshStore.SignerLife + TimeSpan.FromMinutes(1), Ct);

        await Store.PublishSignerAsync(service, key, now, Ct);

        var left = (await consul.Client.KV.Keys("mesh/keys/deployers/", Ct)).Response!;
        Assert.Equal(["-back", "-rare", ""], left.Select(name => name.Split('/')[^2]).Where(name => name.StartsWith(service, StringComparison.Ordinal)).Select(name => name[service.Length..]));
    }

    [Fact]
    public async Task PublishSigner_AnotherKeyOfTheSameName_LeavesBothValid()
    {
        using var one = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        await Store.PublishSignerAsync(service, one, now, Ct);
        await Store.PublishSignerAsync(service, other, now, Ct);
        await Store.PublishSignerAsync(service, one, now, Ct);

        await using var rings = Store.WatchKeysAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await rings.MoveNextAsync());

        Assert.All(
            [CandidatePass.Sign(one, service, "d1", now.AddMinutes(1)), CandidatePass.Sign(other, service, "d1", now.AddMinutes(1))],
            pass => Assert.Equal("d1", CandidatePass.Check(pass, service, rings.Current.Signers, now)));
        Assert.Equal(2, (await consul.Client.KV.Keys($"mesh/keys/deployers/{service}/", Ct)).Response!.Length);
    }

    [Fact]
    public async Task EnsureCookieKey_Again_LeavesItAsItIs()
    {
        await Store.EnsureCookieKeyAsync(Ct);
        var first = (await consul.Client.KV.Get("mesh/keys/cookie", Ct)).Response!;
        await Store.EnsureCookieKeyAsync(Ct);

        Assert.Equal(first.ModifyIndex, (await consul.Client.KV.Get("mesh/keys/cookie", Ct)).Response!.ModifyIndex);
    }

    private Task PutAsync(byte[] value) => consul.Client.KV.Put(new KVPair($"mesh/services/{service}") { Value = value }, Ct);

    private ServiceDocument Document(params string[] deployments) => deployments.Aggregate(
        ServiceDocument.Create(service, []), (document, id) => document.Promote(Release(id)));

    private HistoryEntry Entry(string deployment, int number = 1) => new()
    {
        Number = number,
        Service = service,
        Action = "deploy",
        Outcome = Outcome.Promoted,
        Who = "me@here",
        At = DateTimeOffset.UnixEpoch,
        Seconds = 1,
        Release = Release(deployment),
    };

    private static Release Release(string deployment) => new(deployment, deployment, "image@sha256:0", DateTimeOffset.UnixEpoch);
}
