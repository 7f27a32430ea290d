using YamlDotNet.RepresentationModel;

namespace ServiceMesh.Deployer.Manifest;

// What is wrong, and on which line.
internal sealed partial class Section
{
    private int Line { get; }

    public void Fault(string key, string message) => Fault(LineFor(key), $"{path}{key}: {message}");

    /// <summary>
    /// The same for a sentence of the document's own rules. It begins with the value's name there, which is the way to it here in
    /// another spelling, such as <c>passive.errorShare</c>, and a space; it is told at the line to which that way leads.
    /// </summary>
    public void Fault(string sentence)
    {
        var end = sentence.IndexOf(' ') is >= 0 and var space ? space : sentence.Length;
        var name = string.Concat(sentence[..end].Select(c => char.IsAsciiLetterUpper(c) ? $"-{char.ToLowerInvariant(c)}" : $"{c}"));
        var way = name.Split('.');
        var (line, node) = (Line, nodes.GetValueOrDefault(way[0]));
        for (var next = 1; node is not null; next++)
        {
            line = LineOf(node);
            node = next < way.Length && node is YamlMappingNode mapping ? mapping.Children.FirstOrDefault(pair => NameOf(pair.Key) == way[next]).Value : null;
        }

        Fault(line, $"{path}{name}:{sentence[end..]}");
    }

    private void Fault(int line, string message) => errors.Add(new ManifestError(line, message));

    private static string Hint(string key, string[] keys) =>
        NearestKey.Of(key, keys) is { } near ? $"did you mean '{near}'?" : $"known here: {string.Join(", ", keys)}";

    private int LineFor(string key) => nodes.TryGetValue(key, out var node) ? LineOf(node) : Line;

    private static int LineOf(YamlNode node) => (int)node.Start.Line;
}
