using ServiceMesh.Measures;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>What became of a release's requests, over all proxies.</summary>
/// <param name="Requests">The requests that were answered or failed.</param>
/// <param name="Errors">Those of status 5xx, and those that failed by the instance.</param>
/// <param name="Durations">How many took how long, in the buckets of <see cref="DurationScale"/>.</param>
internal sealed record ReleaseFigures(long Requests, long Errors, IReadOnlyList<long> Durations)
{
    public static ReleaseFigures None { get; } = new(0, 0, new long[DurationScale.Buckets]);

    /// <summary>The share of errors, 0 to 1; 0 without a request.</summary>
    public double ErrorShare => Requests == 0 ? 0 : (double)Errors / Requests;

    /// <summary>What 99 of 100 requests did not exceed; <c>null</c> without a request.</summary>
    public TimeSpan? P99 => DurationScale.Quantile([.. Durations], 0.99);

    /// <summary>The sum of what the proxies say of one deployment.</summary>
    public static ReleaseFigures Of(IEnumerable<ProxyAnswer?> answers, string deployment) => answers
        .SelectMany(answer => answer?.Releases ?? [])
        .Where(release => release.Deployment == deployment)
        .Select(release => Of(release.Counters))
        .Aggregate(None, static (sum, figures) => sum.With(figures, sign: 1));

    /// <summary>What has come since <paramref name="earlier"/>; a proxy that started anew meanwhile counts from nothing.</summary>
    public ReleaseFigures Since(ReleaseFigures earlier) => With(earlier, sign: -1);

    private ReleaseFigures With(ReleaseFigures other, int sign) => new(
        Math.Max(0, Requests + (sign * other.Requests)),
        Math.Max(0, Errors + (sign * other.Errors)),
        [.. Durations.Zip(other.Durations, (one, two) => Math.Max(0, one + (sign * two)))]);

    private static ReleaseFigures Of(ProxiedCounters counters)
    {
        var durations = new long[DurationScale.Buckets];
        foreach (var bucket in counters.Durations)
            durations[bucket.UpToSeconds is { } bound ? DurationScale.BucketOf(TimeSpan.FromSeconds(bound)) : durations.Length - 1] += bucket.Count;
        return new ReleaseFigures(counters.Requests, counters.Errors, durations);
    }
}
