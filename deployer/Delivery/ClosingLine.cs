using System.Globalization;
using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The counts that tests print as their last word: <c>12 passed, 0 failed</c>.</summary>
internal static partial class ClosingLine
{
    /// <summary>The counts of the last line that has them; both <c>null</c> if there is none.</summary>
    public static (int? Passed, int? Failed) Read(IEnumerable<string> lines)
    {
        var match = lines.Select(line => Counts().Match(line)).LastOrDefault(match => match.Success);
        return match is null ? (null, null) : (Number(match.Groups["passed"]), Number(match.Groups["failed"]));
    }

    private static int? Number(Group digits) =>
        int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    [GeneratedRegex(@"\b(?<passed>[0-9]+) passed, (?<failed>[0-9]+) failed\b", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Counts();
}
