using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>What is to be deployed: a manifest, the values of its secrets, and the version that people ask for.</summary>
internal sealed record DeployInput(ServiceManifest Manifest, SecretValues Secrets, string Version)
{
    /// <param name="parse">What names the hosts.</param>
    /// <param name="path">The manifest's file.</param>
    /// <param name="version">The version that was asked for; <c>null</c> for the tag that the manifest names.</param>
    public static DeployInput Read(ParseResult parse, string path, string? version)
    {
        string[] hosts = [.. MeshOptions.Settings(parse).Hosts.Production.Select(host => host.Name)];
        var manifest = ManifestFile.Read(path, name => Placement.Fault(hosts, name));
        version ??= manifest.Image.Tag
            ?? throw new DeliveryException(ExitCode.WrongInput, $"which version? Give --version, or a tag to the image in {path}");
        if (!ImageReference.IsTag(version))
            throw new DeliveryException(ExitCode.WrongInput, $"'{version}' is no version, because it is no image tag: {ImageReference.TagRule}");
        var (secrets, errors) = SecretValues.Read(manifest.AllSecrets, Environment.GetEnvironmentVariable, File.ReadAllText);
        return errors.Count == 0 ? new DeployInput(manifest, secrets, version) : throw InputFile.Faulty(path, $"the secrets of {path} cannot be used", errors);
    }
}
