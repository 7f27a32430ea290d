using System.Text;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The list form of <c>SERVICE_TAGS</c>.</summary>
internal static class TagList
{
    /// <summary>Splits at commas; <c>\,</c> is a comma within a tag. Trimmed, without empty ones and duplicates, in order.</summary>
    public static IReadOnlyList<string> Split(string text)
    {
        var tags = new List<string>();
        var tag = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] == ',')
                tag.Append(text[++i]);
            else if (text[i] == ',')
                Flush();
            else
                tag.Append(text[i]);
        }

        Flush();
        return [.. tags.Distinct(StringComparer.Ordinal)];

        void Flush()
        {
            if (tag.ToString().Trim() is { Length: > 0 } finished)
                tags.Add(finished);
            tag.Clear();
        }
    }
}
