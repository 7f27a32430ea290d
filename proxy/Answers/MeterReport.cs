using ServiceMesh.Measures;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Answers;

/// <summary>What became of requests. All but the quantiles only grows, until the proxy starts anew or its subject leaves.</summary>
/// <param name="Requests">The requests that an instance answered or failed to.</param>
/// <param name="Errors">Those of status 5xx, and those that failed by the instance.</param>
/// <param name="P50Seconds">The median until the answer's headers; <c>null</c> before the first request.</param>
/// <param name="P99Seconds">What 99 of 100 did not exceed.</param>
/// <param name="DurationSumSeconds">The sum of all durations.</param>
/// <param name="Durations">How many took how long; empty buckets are left out.</param>
internal sealed record MeterReport(
    long Requests, long Errors, double? P50Seconds, double? P99Seconds, double DurationSumSeconds, IReadOnlyList<BucketReport> Durations)
{
    public static MeterReport Of(Meter meter)
    {
        var counts = meter.Durations.Counts;
        return new MeterReport(
            meter.Requests,
            meter.Errors,
            DurationScale.Quantile(counts, 0.5)?.TotalSeconds,
            DurationScale.Quantile(counts, 0.99)?.TotalSeconds,
            meter.Durations.Sum.TotalSeconds,
            [.. counts.Index().Where(bucket => bucket.Item > 0).Select(bucket => BucketReport.Of(bucket.Index, bucket.Item))]);
    }
}

/// <summary>How many requests took longer than the bucket before and not longer than this.</summary>
/// <param name="UpToSeconds">The bucket's bound; <c>null</c> for the last, which has none.</param>
/// <param name="Count">How many.</param>
internal sealed record BucketReport(double? UpToSeconds, long Count)
{
    public static BucketReport Of(int bucket, long count) =>
        new(bucket < DurationScale.Bounds.Length ? DurationScale.Bounds[bucket].TotalSeconds : null, count);
}

/// <summary>A release in the traffic, with what became of its requests since it entered.</summary>
/// <param name="Deployment">The release's deployment id.</param>
/// <param name="Version">Its version name.</param>
/// <param name="Share">Its share of the traffic in percent.</param>
/// <param name="Counters">Its requests, whichever of its instances they went to.</param>
internal sealed record ReleaseReport(string Deployment, string Version, double Share, MeterReport Counters)
{
    public static ReleaseReport Of(ReleaseModel release, Split? split) => new(
        release.Release.Deployment,
        release.Release.Version,
        split is null ? 100 : split.Release.Deployment == release.Release.Deployment ? split.Share : 100 - split.Share,
        MeterReport.Of(release.Meter));
}
