using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>What is to be deployed: a manifest and the version that people ask for.</summary>
internal sealed record DeployInput(ServiceManifest Manifest, string Version)
{
    /// <summary>The values of the manifest's secrets; none where they were not asked for.</summary>
    public SecretValues Secrets { get; private init; } = SecretValues.None;

    /// <param name="parse">What names the hosts.</param>
    /// <param name="path">The manifest's file.</param>
    /// <param name="version">The version that was asked for; <c>null</c> for the tag that the manifest names.</param>
    public static DeployInput Read(ParseResult parse, string path, string? version)
    {
        string[] hosts = [.. MeshOptions.Settings(parse).Hosts.Production.Select(host => host.Name)];
        var manifest = ManifestFile.Read(path, name => Placement.Fault(hosts, name));
        version ??= manifest.Image.Tag
            ?? throw new DeliveryException(ExitCode.WrongInput, $"which version? Give --version, or a tag to the image in {path}");
        return ImageReference.IsTag(version)
            ? new DeployInput(manifest, version)
            : throw new DeliveryException(ExitCode.WrongInput, $"'{version}' is no version, because it is no image tag: {ImageReference.TagRule}");
    }

    /// <summary>The same with the values of its secrets, which only what starts containers needs.</summary>
    public static DeployInput ReadWithSecrets(ParseResult parse, string path, string? version)
    {
        var input = Read(parse, path, version);
        var (secrets, errors) = SecretValues.Read(input.Manifest.AllSecrets, Environment.GetEnvironmentVariable, File.ReadAllText);
        return errors.Count == 0 ? input with { Secrets = secrets } : throw InputFile.Faulty(path, $"the secrets of {path} cannot be used", errors);
    }
}
