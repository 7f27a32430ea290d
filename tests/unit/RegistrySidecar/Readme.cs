namespace ServiceMesh.Tests.Unit.RegistrySidecar;

/// <summary>What the sidecar's users read.</summary>
internal static class Readme
{
    public static string[] Lines { get; } = File.ReadAllLines(Path.Combine(Repository(), "registry-sidecar", "README.md"));

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ServiceMesh.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }
}
