using System.Text.RegularExpressions;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>An image as people name it: a repository and perhaps a tag.</summary>
internal sealed partial record ImageReference(string Repository, string? Tag)
{
    public override string ToString() => Tag is null ? Repository : $"{Repository}:{Tag}";

    public ImageReference At(string version) => this with { Tag = version };

    /// <returns>What is wrong with the text; <c>null</c> if nothing is.</returns>
    public static string? TryParse(string text, out ImageReference? image)
    {
        image = null;
        if (text.Contains('@'))
            return $"'{text}' names a digest; name the image by its tag, the deployer finds and keeps the digest itself";

        // A colon before the last slash belongs to the registry's port.
        var colon = text.IndexOf(':', text.LastIndexOf('/') + 1);
        var (repository, tag) = colon < 0 ? (text, null) : (text[..colon], text[(colon + 1)..]);
        if (!RepositoryForm().IsMatch(repository))
            return $"'{text}' is no image name; it looks like registry:5000/folder/name:tag, in lower case";
        if (tag is not null && !IsTag(tag))
            return $"'{tag}' is no image tag: {TagRule}";

        image = new ImageReference(repository, tag);
        return null;
    }

    public const string TagRule = "1 to 128 of A-Z, a-z, 0-9, '_', '.' and '-', the first neither '.' nor '-'";

    public static bool IsTag(string text) => TagForm().IsMatch(text);

    [GeneratedRegex(@"^(?:[A-Za-z0-9.-]+(?::[0-9]+)?/|\[[0-9a-fA-F:]+\](?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryForm();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TagForm();
}
