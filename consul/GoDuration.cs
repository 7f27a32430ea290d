using System.Buffers;
using System.Globalization;

namespace Consul;

/// <summary>Durations as Go's time.ParseDuration reads and Duration.String writes them.</summary>
internal static class GoDuration
{
    private const long NanosecondsPerTick = 100;
    private static readonly decimal MostTicks = -(decimal)long.MinValue;
    private static readonly SearchValues<char> Number = SearchValues.Create("0123456789.");

    /// <summary>Writes the duration exactly, as a whole number of the largest unit that allows it.</summary>
    public static string Format(TimeSpan duration) => duration.Ticks switch
    {
        var t when t % TimeSpan.TicksPerSecond == 0 => $"{t / TimeSpan.TicksPerSecond}s",
        var t when t % TimeSpan.TicksPerMillisecond == 0 => $"{t / TimeSpan.TicksPerMillisecond}ms",
        var t when t % TimeSpan.TicksPerMicrosecond == 0 => $"{t / TimeSpan.TicksPerMicrosecond}us",
        var t => $"{(Int128)t * NanosecondsPerTick}ns",
    };

    public static TimeSpan FromNanoseconds(long nanoseconds) => new(nanoseconds / NanosecondsPerTick);

    /// <summary>Reads a duration; what is finer than a tick (100 ns) is cut off.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var negative = text.StartsWith('-');
        var rest = negative || text.StartsWith('+') ? text.AsSpan(1) : text;
        if (rest is "0")
            return true;
        var ticks = 0m;
        do
        {
            if (!TryTake(ref rest, out var part))
                return false;
            ticks += part;
        }
        while (!rest.IsEmpty);

        var signed = negative ? -ticks : ticks;
        if (signed is < long.MinValue or > long.MaxValue)
            return false;
        duration = new TimeSpan((long)signed);
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<char> rest, out decimal ticks)
    {
        ticks = 0;
        var digits = rest.IndexOfAnyExcept(Number);
        if (digits < 1 || !decimal.TryParse(
            rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        var end = rest[digits..].IndexOfAny(Number);
        var unit = end < 0 ? rest[digits..] : rest.Slice(digits, end);
        rest = end < 0 ? [] : rest[(digits + end)..];
        if (TicksOf(unit) is not { } perUnit || number > MostTicks / perUnit)
            return false;
        ticks = number * perUnit;
        return true;
    }

    private static decimal? TicksOf(ReadOnlySpan<char> unit) => unit switch
    {
        "ns" => 0.01m,
        "us" or "\u00b5s" or "\u03bcs" => TimeSpan.TicksPerMicrosecond,
        "ms" => TimeSpan.TicksPerMillisecond,
        "s" => TimeSpan.TicksPerSecond,
        "m" => TimeSpan.TicksPerMinute,
        "h" => TimeSpan.TicksPerHour,
        _ => null,
    };
}
