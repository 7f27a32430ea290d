using System.Net;
using System.Threading.Channels;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class OthersWatchTests : IDisposable
{
    private const string Node = "agent";

    private static readonly Ownership Owner = new("h1", "mesh");

    private readonly FakeTimeProvider time = new();
    private readonly IConsulClient consul = Substitute.For<IConsulClient>();
    private readonly List<string?> filters = [];
    private readonly WorkQueue queue = new();
    private readonly OthersWatch others;

    // Whoever asks gets the next one, and waits for it if need be.
    private readonly Channel<Func<QueryResult<CatalogNode?>>> answers = Channel.CreateUnbounded<Func<QueryResult<CatalogNode?>>>();

    public OthersWatchTests()
    {
        consul.Catalog.Node(Node, Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(async call =>
        {
            filters.Add(call.Arg<QueryOptions>().Filter);
            return (await answers.Reader.ReadAsync(call.Arg<CancellationToken>()))();
        });
        others = new OthersWatch(consul, new BlockingQuery(NullLogger<BlockingQuery>.Instance, time), queue);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Current_BeforeAnAnswerAndAfterAFailure_IsUnknown()
    {
        others.Follow(Node, Owner, Ct);
        Assert.Null(others.Current);

        await AnswerAsync(With("stranger"));
        Assert.Equal(["stranger"], others.Current!.Keys);

        await FailAsync();
        Assert.Null(others.Current);

        await AnswerAsync(With("stranger"));
        Assert.Equal(["stranger"], others.Current!.Keys);
    }

    [Fact]
    public async Task Follow_OneOfThemLeaves_WakesTheReconciler()
    {
        var waiting = queue.WaitAsync(TimeSpan.FromDays(1), TimeProvider.System, Ct);
        others.Follow(Node, Owner, Ct);
        await AnswerAsync(With("stranger"));
        await AnswerAsync(With("stranger", "another"));
        Assert.False(waiting.IsCompleted);

        await FailAsync();
        await AnswerAsync(With("another"));

        await waiting.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Fact]
    public async Task Current_NodeThatTheCatalogDoesNotHave_IsUnknown()
    {
        others.Follow(Node, Owner, Ct);
        await AnswerAsync(With("stranger"));

        await AnswerAsync(node: null);

        Assert.Null(others.Current);
    }

    [Fact]
    public void Follow_TheSameAgain_AsksOnce()
    {
        others.Follow(Node, Owner, Ct);
        others.Follow(Node, new Ownership("h1", "mesh"), Ct);

        Assert.Equal([Owner.OthersFilter], filters);
    }

    [Theory]
    [InlineData("", "h1")]
    [InlineData(Node, "h\"1")]
    public void Follow_NothingThatCanBeAskedFor_IsUnknown(string node, string owner)
    {
        others.Follow(node, new Ownership(owner, "mesh"), Ct);

        Assert.Empty(filters);
        Assert.Null(others.Current);
    }

    public void Dispose() => others.Dispose();

    private static CatalogNode With(params string[] ids) => new() { Services = ids.ToDictionary(id => id, id => new AgentService { ID = id }) };

    private Task AnswerAsync(CatalogNode? node) => NextAsync(() => new QueryResult<CatalogNode?> { Response = node, LastIndex = 1 });

    private Task FailAsync() => NextAsync(() => throw new ConsulRequestException("answer 500", HttpStatusCode.InternalServerError));

    private async Task NextAsync(Func<QueryResult<CatalogNode?>> answer)
    {
        var before = others.Current;
        answers.Writer.TryWrite(answer);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (ReferenceEquals(before, others.Current))
        {
            await look.WaitForNextTickAsync(late.Token);
            // After a failure there is a pause, which begins at no certain moment.
            time.Advance(TimeSpan.FromSeconds(0.1));
        }
    }
}
