using System.Runtime.CompilerServices;
using System.Threading.RateLimiting;
using Consul;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace ServiceMesh.Store;

/// <summary>
/// The one loop that follows Consul by blocking queries. Its rules are Consul's own
/// (https://developer.hashicorp.com/consul/api-docs/features/blocking): an index that goes backwards is reset to 0; a
/// wake-up with unchanged content is no change; and wake-ups are limited in rate, so that a busy key costs neither side
/// a busy loop. It reads in consistent mode: a server that has just started answers others before it has replayed its
/// log, with services missing that are there. After a failure it asks again, with backoff and jitter, from index 0,
/// because the Consul that answers then may not be the one that was asked before.
/// </summary>
public sealed partial class BlockingQuery(ILogger<BlockingQuery> log, TimeProvider time)
{
    // A Consul that was restored from an older backup lets a query wait that names a later index, and so it is asked anew by then.
    private static readonly TimeSpan WaitTime = TimeSpan.FromSeconds(10);

    /// <summary>Is told of each query that fails; for counting, since the loop itself goes on.</summary>
    public Action<Exception>? OnFailure { get; set; }

    /// <summary>Is told of each query that Consul answered, by what is followed, whether or not anything changed.</summary>
    public Action<string>? OnAnswer { get; set; }

    /// <summary>The first result, and each that differs from the one before it.</summary>
    /// <param name="subject">What is followed, for the log.</param>
    /// <param name="query">One blocking query.</param>
    /// <param name="same">Whether two answers say the same.</param>
    /// <param name="ct">Ends the loop with <see cref="OperationCanceledException"/>.</param>
    /// <param name="rest">How long after an answer there is no other question; <c>null</c> for not at all.</param>
    public async IAsyncEnumerable<T> FollowAsync<T>(
        string subject,
        Func<QueryOptions, CancellationToken, Task<QueryResult<T>>> query,
        Func<T, T, bool> same,
        [EnumeratorCancellation] CancellationToken ct,
        Func<T, TimeSpan>? rest = null)
        where T : class
    {
        ulong index = 0;
        T? last = null;
        using var wakeUps = LimitedWakeUps();
        string? silence = null;
        var untilAnswered = Retried(onRetry: (delay, reason) =>
        {
            index = 0;
            // Only news: an hour without Consul is one line, not hundreds.
            if (reason != silence)
                QueryFailed(subject, delay.TotalSeconds, ForeignText.Shown(reason));
            silence = reason;
        });
        while (true)
        {
            using var _ = await wakeUps.AcquireAsync(cancellationToken: ct);
            var result = await untilAnswered.ExecuteAsync(
                async token => await query(
                    new QueryOptions { WaitIndex = index, WaitTime = WaitTime, Consistency = ConsistencyMode.Consistent }, token),
                ct);
            if (silence is not null)
                QueryAnswered(subject);
            silence = null;
            OnAnswer?.Invoke(subject);
            index = result.LastIndex < index ? 0 : result.LastIndex;
            if (last is null || !same(last, result.Response))
                yield return last = result.Response;
            if (rest is not null)
                await Task.Delay(rest(result.Response), time, ct);
        }
    }

    // A change is passed on at once; only beyond a burst of 50 they are limited to 50 a second. The limiter fills up by a
    // timer, so a shorter period would cost processor time while nothing happens.
    private static TokenBucketRateLimiter LimitedWakeUps() => new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = 50,
        TokensPerPeriod = 50,
        ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        QueueLimit = 1,
    });

    private ResiliencePipeline Retried(Action<TimeSpan, string> onRetry) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = args => ValueTask.FromResult(
                args.Outcome.Exception is not null && !args.Context.CancellationToken.IsCancellationRequested),
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(100),
            MaxDelay = TimeSpan.FromSeconds(5),
            OnRetry = args =>
            {
                OnFailure?.Invoke(args.Outcome.Exception!);
                onRetry(args.RetryDelay, args.Outcome.Exception!.Message);
                return ValueTask.CompletedTask;
            },
        })
        .Build();

    [LoggerMessage(LogLevel.Warning, "Following {Subject} in Consul failed, again in {Seconds:0.0} s and then until it succeeds: {Reason}")]
    private partial void QueryFailed(string subject, double seconds, string reason);

    [LoggerMessage(LogLevel.Information, "Following {Subject} in Consul works again")]
    private partial void QueryAnswered(string subject);
}
