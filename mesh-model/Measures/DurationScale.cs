using System.Collections.Immutable;

namespace ServiceMesh.Measures;

/// <summary>
/// The buckets that durations are counted in: ten to a decade (the preferred numbers R10 of ISO 3), from 100 µs to 100 s,
/// and one for all beyond. So a quantile read from them is wrong by a quarter at the most, and the counts of several
/// proxies can be added, or an earlier reading taken off, bucket by bucket.
/// </summary>
public static class DurationScale
{
    private const int Decades = 6;
    private static readonly long[] Preferred = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

    // In ticks, as they are compared.
    private static readonly long[] Ticks =
    [
        .. Enumerable.Range(0, Decades).SelectMany(decade => Preferred.Select(number => number * Pow10(decade) * TimeSpan.TicksPerMicrosecond)),
        100 * TimeSpan.TicksPerSecond,
    ];

    /// <summary>The longest duration of each bucket but the last, which has no end; ascending.</summary>
    public static ImmutableArray<TimeSpan> Bounds { get; } = [.. Ticks.Select(ticks => new TimeSpan(ticks))];

    /// <summary>How many buckets there are.</summary>
    public static int Buckets => Ticks.Length + 1;

    /// <summary>The bucket that a duration belongs to; a bucket's bound belongs to it.</summary>
    public static int BucketOf(TimeSpan duration)
    {
        var found = Array.BinarySearch(Ticks, duration.Ticks);
        return found < 0 ? ~found : found;
    }

    /// <summary>The duration that the share <paramref name="quantile"/> of the counted ones did not exceed, taken evenly within its bucket.</summary>
    /// <param name="counts">How many durations each bucket has, <see cref="Buckets"/> numbers.</param>
    /// <param name="quantile">0 to 1, such as 0.99.</param>
    /// <returns><c>null</c> where nothing was counted; the last bound where it lies beyond.</returns>
    public static TimeSpan? Quantile(ReadOnlySpan<long> counts, double quantile)
    {
        if (counts.Length != Buckets)
            throw new ArgumentException($"There are {Buckets} buckets, not {counts.Length}.", nameof(counts));
        ArgumentOutOfRangeException.ThrowIfNegative(quantile);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quantile, 1);
        long total = 0;
        foreach (var count in counts)
            total += count;
        if (total == 0)
            return null;

        var rank = quantile * total;
        long below = 0;
        for (var bucket = 0; bucket < Ticks.Length; bucket++)
        {
            if (counts[bucket] > 0 && below + counts[bucket] >= rank)
            {
                var from = bucket == 0 ? 0 : Ticks[bucket - 1];
                return new TimeSpan(from + (long)((Ticks[bucket] - from) * ((rank - below) / counts[bucket])));
            }

            below += counts[bucket];
        }

        return new TimeSpan(Ticks[^1]);
    }

    private static long Pow10(int exponent) => exponent == 0 ? 1 : 10 * Pow10(exponent - 1);
}
