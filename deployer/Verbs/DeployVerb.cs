using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer deploy service.yaml --version v2</c></summary>
internal static class DeployVerb
{
    private static readonly Argument<string> Manifest = new("manifest") { Description = "the service's service.yaml" };

    private static readonly Option<string?> Version = new("--version")
    {
        Description = "the image's tag; without it the tag that the manifest names",
        HelpName = "tag",
    };

    public static Command Create()
    {
        var command = new VerbCommand(
            "deploy",
            "Starts a version as a candidate, runs the service's tests against it and, only if they pass, makes it active.",
            "deployer deploy recommendation-service/service.yaml --version v2")
        {
            Manifest,
            Version,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "deploy",
            () => Input(parse.GetRequiredValue(Manifest), parse.GetValue(Version)),
            input => input.Manifest.Hosts,
            (input, mesh, hosts, narrator, token) => new DeployRun(mesh, hosts, narrator).RunAsync(input.Manifest, input.Version, token),
            ct));
        return command;
    }

    private static (ServiceManifest Manifest, string Version) Input(string path, string? version)
    {
        var manifest = ManifestFile.Read(path);
        return (manifest, VersionOf(manifest, version, path));
    }

    private static string VersionOf(ServiceManifest manifest, string? named, string path)
    {
        var version = named ?? manifest.Image.Tag
            ?? throw new DeliveryException(ExitCode.WrongInput, $"which version? Give --version, or a tag to the image in {path}");
        return ImageReference.IsTag(version)
            ? version
            : throw new DeliveryException(ExitCode.WrongInput, $"'{version}' is no version, because it is no image tag: {ImageReference.TagRule}");
    }
}
