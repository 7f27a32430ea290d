using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>Durations as <c>500ms</c>, <c>1s</c>, <c>2m</c>, <c>1m30s</c>.</summary>
internal static partial class DurationText
{
    public const string Form = "a duration such as 500ms, 1s or 1m30s";

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var match = Durations().Match(text);
        if (!match.Success)
            return false;
        foreach (var (group, unit) in Units)
        {
            if (match.Groups[group] is { Success: true } number)
                duration += long.Parse(number.Value, CultureInfo.InvariantCulture) * unit;
        }

        return true;
    }

    public static string Write(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        var text = new StringBuilder();
        foreach (var (group, unit) in Units)
        {
            if (duration.Ticks / unit.Ticks is > 0 and var count)
                text.Append(count).Append(group);
            duration = new TimeSpan(duration.Ticks % unit.Ticks);
        }

        return text.ToString();
    }

    private static readonly (string Group, TimeSpan Unit)[] Units =
    [
        ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)), ("s", TimeSpan.FromSeconds(1)), ("ms", TimeSpan.FromMilliseconds(1)),
    ];

    // At most six digits each, so that no sum overflows.
    [GeneratedRegex(@"^(?=.)(?:(?<h>[0-9]{1,6})h)?(?:(?<m>[0-9]{1,6})m)?(?:(?<s>[0-9]{1,6})s)?(?:(?<ms>[0-9]{1,6})ms)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Durations();
}
