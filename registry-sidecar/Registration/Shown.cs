using System.Globalization;
using System.Text;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>
/// Text that others wrote, as it may stand before people: a hostile label must neither fill the log or the screen nor command
/// the terminal.
/// </summary>
internal static class Shown
{
    /// <summary>The text up to <paramref name="limit"/> characters; what cannot be printed is a question mark.</summary>
    public static string Of(string text, int limit = 500)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.AsSpan(0, Math.Min(text.Length, limit)).EnumerateRunes())
            shown.Append(IsPrintable(rune) ? rune.ToString() : "?");
        return text.Length > limit ? shown.Append('…').ToString() : shown.ToString();
    }

    /// <summary>Whether there is nothing in it but letters, marks, digits, punctuation, symbols and spaces.</summary>
    public static bool IsPrintable(string text) => text.EnumerateRunes().All(IsPrintable);

    // The replacement stands for half a character, too.
    private static bool IsPrintable(Rune rune) =>
        rune.Value == ' '
        || (rune != Rune.ReplacementChar
            && Rune.GetUnicodeCategory(rune) is not ((>= UnicodeCategory.SpaceSeparator and <= UnicodeCategory.PrivateUse) or UnicodeCategory.OtherNotAssigned));
}
