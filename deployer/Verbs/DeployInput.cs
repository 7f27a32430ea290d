using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>What is to be deployed: a manifest and the version that people ask for.</summary>
internal sealed record DeployInput(ServiceManifest Manifest, string Version)
{
    /// <param name="path">The manifest's file.</param>
    /// <param name="version">The version that was asked for; <c>null</c> for the tag that the manifest names.</param>
    public static DeployInput Read(string path, string? version)
    {
        var manifest = ManifestFile.Read(path);
        version ??= manifest.Image.Tag
            ?? throw new DeliveryException(ExitCode.WrongInput, $"which version? Give --version, or a tag to the image in {path}");
        return ImageReference.IsTag(version)
            ? new DeployInput(manifest, version)
            : throw new DeliveryException(ExitCode.WrongInput, $"'{version}' is no version, because it is no image tag: {ImageReference.TagRule}");
    }
}
