using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>The manifest on the CI host's disk.</summary>
internal static class ManifestFile
{
    public static ServiceManifest Read(string path)
    {
        var result = ManifestReader.Read(InputFile.Text(path, "manifest", "Name the service's service.yaml."), Environment.GetEnvironmentVariable);
        return result.Manifest ?? throw InputFile.Invalid(path, "manifest", result.Errors);
    }
}
