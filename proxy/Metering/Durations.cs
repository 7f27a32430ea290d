using ServiceMesh.Measures;

namespace ServiceMesh.Proxy.Metering;

/// <summary>Durations in buckets. Each one costs two additions and no memory; a reading is not of one moment, but never counts anything twice.</summary>
internal sealed class Durations
{
    private readonly long[] counts = new long[DurationScale.Buckets];
    private long ticks;

    public void Add(TimeSpan duration)
    {
        Interlocked.Increment(ref counts[DurationScale.BucketOf(duration)]);
        Interlocked.Add(ref ticks, duration.Ticks);
    }

    /// <summary>The sum of all.</summary>
    public TimeSpan Sum => new(Volatile.Read(ref ticks));

    /// <summary>How many there are of each bucket of <see cref="DurationScale"/>.</summary>
    public long[] Counts => [.. counts];
}
