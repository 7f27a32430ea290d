using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>A file of ours: one YAML document, one mapping.</summary>
internal static class YamlText
{
    /// <returns>The mapping; <c>null</c> with an error more if the text is none. A key that is given twice is an error, too.</returns>
    public static YamlMappingNode? Root(string text, string what, IEnumerable<string> keys, List<ManifestError> errors)
    {
        var parser = new EachKeyOnce(new Parser(new StringReader(text)), errors);
        try
        {
            var stream = new YamlStream();
            stream.Load(parser);
            if (stream.Documents is [{ RootNode: YamlMappingNode mapping }])
                return mapping;
            errors.Add(new ManifestError(1, $"{what} must be one mapping of {string.Join(", ", keys)}"));
        }
        catch (YamlException error)
        {
            var (line, noticed) = (LineWithin(text, error.Start), LineWithin(text, error.End));
            errors.Add(new ManifestError(line, $"not YAML: {error.Message}{(noticed > line ? $" (noticed on line {noticed})" : "")}"));
        }
        catch (InvalidOperationException)
        {
            // All that the library says of some texts that break off.
            errors.Add(new ManifestError(LineWithin(text, parser.Current?.End ?? Mark.Empty), "not YAML: what comes after this line is not ended"));
        }

        return null;
    }

    // The library's lines may be one beyond the last.
    private static int LineWithin(string text, Mark mark) => (int)Math.Clamp(mark.Line, 1, text.AsSpan().TrimEnd().Count('\n') + 1);
}
