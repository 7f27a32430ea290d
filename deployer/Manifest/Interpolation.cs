using System.Text;
using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Manifest;

/// <summary><c>${NAME}</c> and <c>${NAME:-default}</c>, filled from the environment; <c>$${</c> is a literal <c>${</c>.</summary>
internal static partial class Interpolation
{
    /// <returns>The text with every variable filled in, and a sentence for each that could not be.</returns>
    public static (string Text, IReadOnlyList<string> Faults) Fill(string text, Func<string, string?> environment)
    {
        if (!text.Contains("${", StringComparison.Ordinal))
            return (text, []);

        var filled = new StringBuilder();
        var faults = new List<string>();
        var rest = 0;
        while (text.IndexOf("${", rest, StringComparison.Ordinal) is >= 0 and var start)
        {
            var escaped = start > rest && text[start - 1] == '$';
            filled.Append(text, rest, start - rest - (escaped ? 1 : 0));
            var end = text.IndexOf('}', start);
            if (escaped || end < 0)
            {
                if (!escaped)
                    faults.Add($"'{text[start..]}' has no closing '}}'");
                filled.Append("${");
                rest = start + 2;
                continue;
            }

            filled.Append(Value(text[(start + 2)..end], environment, faults));
            rest = end + 1;
        }

        return (filled.Append(text, rest, text.Length - rest).ToString(), faults);
    }

    private static string? Value(string expression, Func<string, string?> environment, List<string> faults)
    {
        var match = Expression().Match(expression);
        if (!match.Success)
        {
            faults.Add($"'${{{expression}}}' is no variable; write ${{NAME}} or ${{NAME:-default}}");
            return null;
        }

        var name = match.Groups["name"].Value;
        var value = environment(name);
        if (match.Groups["default"] is { Success: true } fallback)
            return string.IsNullOrEmpty(value) ? fallback.Value : value;
        if (value is null)
            faults.Add($"the environment variable {name} is not set; set it, or write ${{{name}:-default}}");
        return value;
    }

    [GeneratedRegex(@"^(?<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?<default>.*))?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.Singleline)]
    private static partial Regex Expression();
}
