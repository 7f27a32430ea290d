using System.Collections.Concurrent;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.Proxy;
using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class InstanceFollowerTests
{
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly FakeTimeProvider time = new();
    private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
    private readonly MeshNews news;
    private readonly InstanceFollower follower;

    public InstanceFollowerTests()
    {
        consul.Health.State(Arg.Any<HealthStatus>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new TaskCompletionSource<QueryResult<HealthCheck[]>>().Task);
        consul.Catalog.Services(Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new TaskCompletionSource<QueryResult<Dictionary<string, string[]>>>().Task);
        consul.Health.Service(Arg.Any<string>(), Arg.Any<string>(), Arg.Any<bool>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(new QueryResult<ServiceEntry[]> { Response = [] });
        var blocking = new BlockingQuery(NullLogger<BlockingQuery>.Instance, time);
        news = new MeshNews(time);
        follower = new InstanceFollower(
            consul, blocking, new InstanceReader(consul, new ProxyMeter(snapshots, blocking, time), NullLogger<InstanceReader>.Instance), news, snapshots, Options.Create(new ProxyOptions()), time);
        follower.Follow(DocumentSet.Of([new StoredDocument("demo", ServiceDocument.Create("demo", []), 1, Fault: null)]));
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_ChecksThatChangeAllTheTime_AreAskedForAfterARest()
    {
        var asked = 0;
        HealthCheck[] checks = [.. Enumerable.Range(0, 1000).Select(n => new HealthCheck { Node = "node", CheckID = $"{n}", ServiceName = "demo", Status = HealthStatus.Passing })];
        consul.Health.State(Arg.Any<HealthStatus>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(_ => ++asked < 5
            ? Task.FromResult(new QueryResult<HealthCheck[]> { Response = checks, LastIndex = (ulong)asked })
            : new TaskCompletionSource<QueryResult<HealthCheck[]>>().Task);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(10));
        using var moment = new PeriodicTimer(TimeSpan.FromMilliseconds(5));

        _ = follower.Run(stop.Token);
        await news.WaitAsync(late.Token);
        Assert.Equal(1, asked);

        time.Advance(TimeSpan.FromMilliseconds(50));
        while (asked == 1)
            await moment.WaitForNextTickAsync(late.Token);
        await stop.CancelAsync();
    }

    [Fact]
    public async Task Ask_OfAServiceThatNobodyFollows_IsNotWhereALaterChangeBegan()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        _ = follower.Run(stop.Token);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(10));
        using var moment = new PeriodicTimer(TimeSpan.FromMilliseconds(5));

        // Both may be read as one question: then it began with the first, and is asked anew.
        long? came;
        do
        {
            follower.Ask(["other"]);
            await moment.WaitForNextTickAsync(late.Token);
            time.Advance(TimeSpan.FromMilliseconds(100));
            follower.Ask(["demo"]);
            await news.WaitAsync(late.Token);
            Assert.True(news.TryTake(out var told));
            came = told.Came;
        }
        while (came != time.GetTimestamp());

        await stop.CancelAsync();
    }

    // It may be on another port, and its checks and tags say nothing of that.
    [Theory]
    [InlineData("checks")]
    [InlineData("catalog")]
    public async Task Run_AfterAQuestionThatFailed_AllAreReadAgainThoughNothingLooksChanged(string failing)
    {
        var (failure, failures) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), 0);
        string[] services = [.. Enumerable.Range(0, 30).Select(n => $"svc-{n}")];
        var documents = DocumentSet.Of(services.Select(service => new StoredDocument(service, ServiceDocument.Create(service, []), 1, Fault: null)));
        snapshots.Publish(SnapshotOrigin.Consul, new MeshView(documents, new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal), MeshView.NothingHeld), new Moment(DateTimeOffset.UnixEpoch));
        follower.Follow(documents);
        HealthCheck[] checks = [.. services.Select(service => new HealthCheck { Node = "node", CheckID = service, ServiceName = service, Status = HealthStatus.Passing })];
        consul.Health.State(Arg.Any<HealthStatus>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(call => AnswerAsync("checks", call.Arg<QueryOptions>(), checks));
        consul.Catalog.Services(Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => AnswerAsync("catalog", call.Arg<QueryOptions>(), services.ToDictionary(service => service, _ => Array.Empty<string>(), StringComparer.Ordinal)));
        var reads = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        consul.Health.Service(Arg.Any<string>(), Arg.Any<string>(), Arg.Any<bool>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(call =>
        {
            reads.AddOrUpdate(call.ArgAt<string>(0), 1, (_, times) => times + 1);
            return new QueryResult<ServiceEntry[]> { Response = [] };
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var moment = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        _ = follower.Run(stop.Token);
        while (reads.Count < services.Length || !await IsQuietAsync())
            await moment.WaitForNextTickAsync(late.Token);
        reads.Clear();

        failure.SetResult();

        // By the round alone it would be two a second.
        for (var passed = TimeSpan.Zero; reads.Count < services.Length; passed += TimeSpan.FromMilliseconds(100))
        {
            Assert.True(passed < TimeSpan.FromSeconds(10), $"only {reads.Count} were read again");
            time.Advance(TimeSpan.FromMilliseconds(100));
            await moment.WaitForNextTickAsync(late.Token);
        }

        await stop.CancelAsync();

        // One answer, then a failure, then the same answer.
        async Task<QueryResult<T>> AnswerAsync<T>(string subject, QueryOptions question, T answer)
        {
            if (question.WaitIndex == 0)
                return new QueryResult<T> { Response = answer, LastIndex = 7 };
            await (subject == failing && Interlocked.Increment(ref failures) == 1 ? failure : new TaskCompletionSource()).Task;
            throw new ConsulRequestException("no cluster leader");
        }

        // What both watches asked for first is read.
        async Task<bool> IsQuietAsync()
        {
            var before = reads.Values.Sum();
            await moment.WaitForNextTickAsync(late.Token);
            return before == reads.Values.Sum();
        }
    }
}
