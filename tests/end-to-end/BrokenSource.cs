namespace ServiceMesh.Tests.EndToEnd;

/// <summary>A copy of the sample's source whose answer has another field name: its unit tests do not see that, its integration tests do.</summary>
internal sealed class BrokenSource : IDisposable
{
    private static readonly string[] Parts =
        [".config", "recommendation-service", "tests/recommendation-service.unit", "tests/recommendation-service.integration"];

    private BrokenSource(string folder) => Folder = folder;

    public string Folder { get; }

    public static BrokenSource Create(string root)
    {
        var copy = new BrokenSource(Directory.CreateTempSubdirectory("mesh-broken-").FullName);
        foreach (var file in Directory.EnumerateFiles(root).Concat(Parts.SelectMany(part => Sources(Path.Combine(root, part)))))
        {
            var target = Path.Combine(copy.Folder, Path.GetRelativePath(root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        var answer = Path.Combine(copy.Folder, "recommendation-service", "ApiJson.cs");
        File.WriteAllText(answer, File.ReadAllText(answer).Replace("\"rec\"", "\"recommended\"", StringComparison.Ordinal));
        return copy;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static IEnumerable<string> Sources(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));
}
