using System.Globalization;
using System.Text.RegularExpressions;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>Durations as Consul and Registrator spell them: <c>10s</c>, <c>1m30s</c>, <c>1.5h</c>, <c>500ms</c>.</summary>
internal static partial class GoDuration
{
    public const string Rule = "a duration such as 10s, 1m30s or 500ms";

    /// <returns>The duration; <c>null</c> if the text is none, or one above a year.</returns>
    public static TimeSpan? Parse(string text)
    {
        if (text == "0")
            return TimeSpan.Zero;
        var match = Form().Match(text);
        if (!match.Success)
            return null;
        var seconds = match.Groups["part"].Captures.Sum(part => Seconds(part.ValueSpan));
        return seconds <= TimeSpan.FromDays(366).TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private static double Seconds(ReadOnlySpan<char> part)
    {
        var digits = part.LastIndexOfAnyInRange('0', '9') + 1;
        var number = double.Parse(part[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        return number * part[digits..] switch
        {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            "ms" => 1e-3,
            "ns" => 1e-9,
            _ => 1e-6,
        };
    }

    [GeneratedRegex(
        @"^(?<part>[0-9]{1,18}(\.[0-9]{1,18})?(h|ms|m|s|us|µs|μs|ns))+$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Form();
}
