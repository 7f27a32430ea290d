using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>Words as a command line that a POSIX shell takes apart into the same words.</summary>
internal static partial class ShellWords
{
    public static string Join(IEnumerable<string> words) => string.Join(
        ' ', words.Select(word => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"));

    [GeneratedRegex(@"^[A-Za-z0-9_./:@%+=,-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
