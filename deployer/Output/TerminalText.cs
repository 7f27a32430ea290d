using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Output;

/// <summary>
/// What others wrote (a container, a label, Consul, a registry) as text that moves no terminal's cursor and changes no colour.
/// </summary>
internal static partial class TerminalText
{
    /// <summary>The text without control sequences and control characters, but for tabs and line ends.</summary>
    public static string Clean(string text) => TerminalControl().Replace(text, "");

    /// <summary>The same in one line.</summary>
    public static string CleanLine(string text) => Clean(text).Replace('\n', ' ').Replace('\t', ' ');

    [GeneratedRegex(@"\x1B(?:\[[0-?]*[ -/]*(?:[@-~]|\z)|[@-Z\\-_])|[\x00-\x08\x0B-\x1F\x7F-\x9F]", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TerminalControl();
}
