using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The manifest on the CI host's disk.</summary>
internal static class ManifestFile
{
    /// <param name="path">Its path.</param>
    /// <param name="hostFault">Says what is wrong with the name of a host; without it any may be named.</param>
    public static ServiceManifest Read(string path, Func<string, string?>? hostFault = null)
    {
        var result = ManifestReader.Read(InputFile.Text(path, "manifest", "Name the service's service.yaml."), Environment.GetEnvironmentVariable, hostFault);
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
