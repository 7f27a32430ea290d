using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The manifest on the CI host's disk.</summary>
internal static class ManifestFile
{
    public static ServiceManifest Read(string path)
    {
        var result = ManifestReader.Read(InputFile.Text(path, "manifest", "Name the service's service.yaml."), Environment.GetEnvironmentVariable);
        var manifest = result.Manifest ?? throw InputFile.Invalid(path, "manifest", result.Errors);
        // Beside the manifest, wherever the deployer is called from.
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return manifest with
        {
            Secrets = Beside(manifest.Secrets),
            Tests = [.. manifest.Tests.Select(suite => suite with { Secrets = Beside(suite.Secrets) })],
        };

        IReadOnlyList<SecretSource> Beside(IEnumerable<SecretSource> secrets) =>
            [.. secrets.Select(secret => secret with { File = secret.File is { } file ? Path.Combine(folder, file) : null })];
    }
}
