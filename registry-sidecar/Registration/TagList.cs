using System.Text;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>The list form of <c>SERVICE_TAGS</c>.</summary>
internal static class TagList
{
    public const int Limit = 256;

    /// <summary>So many bytes has a tag at the most: a rule of a router that reads them has several hundred.</summary>
    public const int ByteLimit = 4096;

    /// <summary>So many bytes have all tags of an instance: every port of a container has them, and every answer of Consul about it.</summary>
    public const int TotalLimit = 16 * 1024;

    /// <summary>The first of the tags, as many as an instance has at the most, and none that is too long.</summary>
    public static IReadOnlyList<string> Bounded(IReadOnlyList<string> tags, List<string> warnings)
    {
        var left = TotalLimit;
        var bounded = tags.Where(tag => Encoding.UTF8.GetByteCount(tag) <= ByteLimit).Take(Limit)
            .TakeWhile(tag => (left -= Encoding.UTF8.GetByteCount(tag)) >= 0).ToList();
        if (bounded.Count < tags.Count)
            warnings.Add($"{tags.Count - bounded.Count} of its tags are left out: there are {Limit} at the most, of {ByteLimit} bytes each and {TotalLimit} together");
        return bounded;
    }

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
