using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ServiceMesh;

/// <summary>
/// Durations as people write them in manifests, options and labels: in Go's units, the largest first,
/// such as <c>500ms</c>, <c>1.5h</c> or <c>1m30s</c>. Consul and Registrator read the same.
/// </summary>
public static partial class DurationText
{
    /// <summary>What a refused text should have been, for an error message.</summary>
    public const string Form = "a duration such as 500ms, 1s or 1m30s";

    private static readonly (string Name, decimal Ticks)[] Units =
    [
        ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond),
        ("ms", TimeSpan.TicksPerMillisecond), ("us", TimeSpan.TicksPerMicrosecond), ("ns", 0.01m),
    ];

    /// <summary>Reads a duration; what is finer than 100 ns is cut off.</summary>
    /// <returns>
    /// <c>false</c> for anything else: a number with no unit (but <c>0</c>), a sign, a unit twice or after a smaller
    /// one, more than six digits before the point.
    /// </returns>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text == "0")
            return true;
        var match = Durations().Match(text);
        if (!match.Success)
            return false;
        var ticks = Units.Sum(unit => match.Groups[unit.Name] is { Success: true } number
            ? decimal.Parse(number.Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) * unit.Ticks
            : 0);
        duration = new TimeSpan((long)ticks);
        return true;
    }

    /// <summary>Writes a duration so that <see cref="TryParse"/> reads the same one, such as <c>1m30s</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The duration is negative.</exception>
    public static string Write(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        if (duration == TimeSpan.Zero)
            return "0s";
        var text = new StringBuilder();
        var left = (decimal)duration.Ticks;
        foreach (var (name, ticks) in Units)
        {
            if (left >= ticks)
                text.Append(decimal.ToInt64(left / ticks)).Append(name);
            left %= ticks;
        }

        return text.ToString();
    }

    // At most six digits before the point, so that no sum overflows and a slip of the finger is seen.
    private const string Number = @"[0-9]{1,6}(\.[0-9]{1,9})?";

    [GeneratedRegex(
        $"^(?=.)((?<h>{Number})h)?((?<m>{Number})m)?((?<s>{Number})s)?((?<ms>{Number})ms)?"
            + $"((?<us>{Number})(u|\u00b5|\u03bc)s)?((?<ns>{Number})ns)?\\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Durations();
}
