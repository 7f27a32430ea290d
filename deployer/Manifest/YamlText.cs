using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>A file of ours: one YAML document, one mapping.</summary>
internal static class YamlText
{
    /// <returns>The mapping; <c>null</c> with one error more if the text is none.</returns>
    public static YamlMappingNode? Root(string text, string what, IEnumerable<string> keys, List<ManifestError> errors)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents is [{ RootNode: YamlMappingNode mapping }])
                return mapping;
            errors.Add(new ManifestError(1, $"{what} must be one mapping of {string.Join(", ", keys)}"));
        }
        catch (YamlException error)
        {
            errors.Add(new ManifestError((int)Math.Clamp(error.Start.Line, 1, text.AsSpan().TrimEnd().Count('\n') + 1), $"not YAML: {error.Message}"));
        }

        return null;
    }
}
