using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ServiceMesh;

/// <summary>
/// Text that others wrote (a container, a label, Consul, a registry) as it may stand before people: it neither fills a log or a
/// screen, nor commands a terminal, nor takes itself for something else by what cannot be seen.
/// </summary>
public static partial class ForeignText
{
    /// <summary>
    /// Whether it is a letter, mark, digit, punctuation, symbol or the space, by the Unicode that .NET knows. Not the replacement
    /// character: it stands for half a character, too.
    /// </summary>
    public static bool IsPrintable(Rune rune) =>
        rune.Value == ' '
        || (rune != Rune.ReplacementChar
            && Rune.GetUnicodeCategory(rune) is not ((>= UnicodeCategory.SpaceSeparator and <= UnicodeCategory.PrivateUse) or UnicodeCategory.OtherNotAssigned));

    /// <summary>
    /// One line of up to <paramref name="limit"/> UTF-16 characters, and an ellipsis if the text has more. What cannot be seen is a
    /// question mark.
    /// </summary>
    public static string Shown(string text, int limit = 500)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.AsSpan(0, Math.Min(text.Length, limit)).EnumerateRunes())
            shown.Append(IsSeen(rune) ? rune.ToString() : "?");
        return text.Length > limit ? shown.Append('…').ToString() : shown.ToString();
    }

    /// <summary>
    /// The text, however long, without escape sequences and without what cannot be seen, but for line feeds and tabs. Every other
    /// space is a plain one.
    /// </summary>
    public static string Cleaned(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return text;
        var cleaned = new StringBuilder(text.Length);
        foreach (var rune in (text.Contains('\u001b') ? EscapeSequence().Replace(text, "") : text).EnumerateRunes())
        {
            if (rune.Value is '\n' or '\t' || IsSeen(rune))
                cleaned.Append(rune.ToString());
            else if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator)
                cleaned.Append(' ');
        }

        return cleaned.ToString();
    }

    /// <summary>The same in one line: line feeds and tabs are spaces.</summary>
    public static string CleanedLine(string text) => Cleaned(text).Replace('\n', ' ').Replace('\t', ' ');

    private static bool IsSeen(Rune rune) => IsPrintable(rune) && !TakesNoRoom(rune.Value);

    // Marks and letters among Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt): joiners, fillers, selectors of
    // variants. The rest of them, such as zero-width spaces and all that turns the direction of writing, is not printable.
    private static bool TakesNoRoom(int character) => character
        is 0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or 0x3164 or 0xFFA0
        or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF);

    // One that colours, moves or clears has parameters; of others, two characters.
    [GeneratedRegex(@"\x1B(?:\[[0-?]*[ -/]*(?:[@-~]|\z)|[@-Z\\-_])", RegexOptions.CultureInvariant)]
    private static partial Regex EscapeSequence();
}
