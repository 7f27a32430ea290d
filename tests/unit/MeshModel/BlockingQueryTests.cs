using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class BlockingQueryTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Follow_EachAnswer_IsAskedForWithTheIndexOfTheLast()
    {
        var consul = new ScriptedConsul((5, "a"), (9, "b"));

        Assert.Equal(["a", "b"], await FollowAsync(consul, 2));
        Assert.Equal([0UL, 5UL], consul.Asked);
    }

    [Fact]
    public async Task Follow_UnchangedContent_IsNotPassedOn()
    {
        var consul = new ScriptedConsul((5, "a"), (6, "a"), (7, "b"));

        Assert.Equal(["a", "b"], await FollowAsync(consul, 2));
        Assert.Equal([0UL, 5UL, 6UL], consul.Asked);
    }

    [Fact]
    public async Task Follow_AnIndexThatGoesBackwards_IsResetToZero()
    {
        var consul = new ScriptedConsul((50, "a"), (3, "b"), (4, "c"));

        Assert.Equal(["a", "b", "c"], await FollowAsync(consul, 3));
        Assert.Equal([0UL, 50UL, 0UL], consul.Asked);
    }

    [Fact]
    public async Task Follow_AFailure_IsAskedAgainFromZero()
    {
        var consul = new ScriptedConsul((5, "a"), (0, null), (0, null), (2, "b"));

        Assert.Equal(["a", "b"], await FollowAsync(consul, 2));
        Assert.Equal([0UL, 5UL, 0UL, 0UL], consul.Asked);
    }

    [Fact]
    public async Task Follow_Cancelled_EndsEvenWhileNothingAnswers()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var consul = new ScriptedConsul((5, "a"));
        await using var answers = Follow(consul, stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await answers.MoveNextAsync());

        var next = answers.MoveNextAsync();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
    }

    [Fact]
    public async Task Follow_WithARest_AsksAgainOnlyAfterIt()
    {
        var time = new FakeTimeProvider();
        var consul = new ScriptedConsul((5, "a"), (9, "b"));
        await using var answers = new BlockingQuery(NullLogger<BlockingQuery>.Instance, time)
            .FollowAsync("a test", consul.QueryAsync, (one, other) => one == other, Ct, answer => TimeSpan.FromSeconds(answer.Length))
            .GetAsyncEnumerator(Ct);
        Assert.True(await answers.MoveNextAsync());

        var next = answers.MoveNextAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Equal([0UL], consul.Asked);
        time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.True(await next.WaitAsync(TimeSpan.FromSeconds(30), Ct));
        Assert.Equal("b", answers.Current);
    }

    [Fact]
    public async Task Follow_AnswerThatCommandsATerminal_IsShownAsOneShortLine()
    {
        var log = new ToldLines<BlockingQuery>();
        var hostile = new HttpRequestException("502: \u001b[2J\n" + new string('x', 3000));
        var failed = false;
        await using var answers = new BlockingQuery(log, TimeProvider.System)
            .FollowAsync("a test", (_, _) => failed ? Task.FromResult(new QueryResult<string> { Response = "a" }) : throw Failed(), (one, other) => one == other, Ct)
            .GetAsyncEnumerator(Ct);

        Assert.True(await answers.MoveNextAsync());

        Assert.Equal(2, log.Lines.Count);
        Assert.All(log.Lines, line => Assert.True(line.Length < 700 && !line.Any(char.IsControl), line));

        HttpRequestException Failed()
        {
            failed = true;
            return hostile;
        }
    }

    private static async Task<string[]> FollowAsync(ScriptedConsul consul, int count)
    {
        List<string> seen = [];
        await foreach (var answer in Follow(consul, Ct))
        {
            seen.Add(answer);
            if (seen.Count == count)
                break;
        }

        return [.. seen];
    }

    private static IAsyncEnumerable<string> Follow(ScriptedConsul consul, CancellationToken ct) =>
        new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System)
            .FollowAsync("a test", consul.QueryAsync, (one, other) => one == other, ct);

    /// <summary>Answers in turn; <c>null</c> is a failure, and after the last answer it holds the query.</summary>
    private sealed class ScriptedConsul(params (ulong Index, string? Content)[] script)
    {
        public List<ulong> Asked { get; } = [];

        public async Task<QueryResult<string>> QueryAsync(QueryOptions query, CancellationToken ct)
        {
            if (Asked.Count == script.Length)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            var (index, content) = script[Asked.Count];
            Asked.Add(query.WaitIndex);
            return content is null
                ? throw new HttpRequestException("made to fail")
                : new QueryResult<string> { LastIndex = index, Response = content };
        }
    }
}
