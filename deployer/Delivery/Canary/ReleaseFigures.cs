using ServiceMesh.Measures;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>What became of a release's requests.</summary>
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

    /// <summary>What a proxy says of one deployment.</summary>
    public static ReleaseFigures Of(ProxyAnswer answer, string? deployment) =>
        answer.Releases?.FirstOrDefault(release => release.Deployment == deployment) is { } release ? Of(release.Counters) : None;

    /// <summary>What a proxy has counted since <paramref name="earlier"/>. A counter that went backwards began anew, and all others with it.</summary>
    public ReleaseFigures Since(ReleaseFigures earlier) =>
        Requests < earlier.Requests || Errors < earlier.Errors || Durations.Zip(earlier.Durations).Any(pair => pair.First < pair.Second)
            ? this
            : new ReleaseFigures(Requests - earlier.Requests, Errors - earlier.Errors, [.. Durations.Zip(earlier.Durations, (now, before) => now - before)]);

    public ReleaseFigures With(ReleaseFigures other) =>
        new(Requests + other.Requests, Errors + other.Errors, [.. Durations.Zip(other.Durations, (one, two) => one + two)]);

    private static ReleaseFigures Of(ProxiedCounters counters)
    {
        var durations = new long[DurationScale.Buckets];
        foreach (var bucket in counters.Durations)
            durations[bucket.UpToSeconds is { } bound ? DurationScale.BucketOf(TimeSpan.FromSeconds(bound)) : durations.Length - 1] += bucket.Count;
        return new ReleaseFigures(counters.Requests, counters.Errors, durations);
    }
}
