using ServiceMesh.Measures;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class DurationScaleTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(100, 0)]
    [InlineData(101, 1)]
    [InlineData(125, 1)]
    [InlineData(1_000, 10)]
    [InlineData(1_001, 11)]
    [InlineData(100_000_000, 60)]
    [InlineData(100_000_001, 61)]
    public void BucketOf_ADuration_IsTheFirstWhoseBoundItDoesNotExceed(long microseconds, int bucket) =>
        Assert.Equal(bucket, DurationScale.BucketOf(TimeSpan.FromMicroseconds(microseconds)));

    [Fact]
    public void Bounds_OfAllBuckets_GrowByAboutAQuarter()
    {
        var bounds = DurationScale.Bounds;
        Assert.Equal(DurationScale.Buckets - 1, bounds.Length);
        Assert.All(bounds.Zip(bounds.Skip(1)), pair => Assert.InRange(pair.Second / pair.First, 1.2, 1.3));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.99)]
    [InlineData(1)]
    public void Quantile_OfManyDurations_IsWithinAQuarterOfTheExactOne(double quantile)
    {
        var random = new Random(4711);
        // From 1 ms to 10 s, evenly over the logarithm.
        TimeSpan[] durations = [.. Enumerable.Range(0, 10_000).Select(_ => TimeSpan.FromMilliseconds(Math.Pow(10, 4 * random.NextDouble())))];
        var counts = new long[DurationScale.Buckets];
        foreach (var duration in durations)
            counts[DurationScale.BucketOf(duration)]++;

        var exact = durations.Order().ElementAt((int)Math.Ceiling(quantile * durations.Length) - 1);

        Assert.InRange(DurationScale.Quantile(counts, quantile)!.Value / exact, 0.8, 1.25);
    }

    [Fact]
    public void Quantile_OfOneBucket_IsTakenEvenlyWithinIt()
    {
        var counts = new long[DurationScale.Buckets];
        counts[DurationScale.BucketOf(TimeSpan.FromMilliseconds(2))] = 4;

        // The bucket reaches from 1.6 to 2 ms.
        Assert.Equal(TimeSpan.FromMicroseconds(1_800), DurationScale.Quantile(counts, 0.5));
        Assert.Equal(TimeSpan.FromMicroseconds(2_000), DurationScale.Quantile(counts, 1));
    }

    [Fact]
    public void Quantile_OfNothing_IsNone() => Assert.Null(DurationScale.Quantile(new long[DurationScale.Buckets], 0.99));

    [Fact]
    public void Quantile_BeyondTheLastBound_IsTheLastBound()
    {
        var counts = new long[DurationScale.Buckets];
        counts[DurationScale.BucketOf(TimeSpan.FromHours(1))] = 1;

        Assert.Equal(TimeSpan.FromSeconds(100), DurationScale.Quantile(counts, 0.99));
    }
}
