using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

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

    private static readonly Option<ulong?> CheckIndex = new("--check-index")
    {
        Description = "refuse if the service's document is not at this index any more, as 'plan' told it; 0 for none yet",
        HelpName = "index",
    };

    private static readonly Option<string?> CheckDigest = new("--check-digest")
    {
        Description = "refuse if the tag is not this image any more, as 'plan' told it",
        HelpName = "sha256:...",
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
            CheckIndex,
            CheckDigest,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "deploy",
            () => DeployInput.ReadWithSecrets(parse, parse.GetRequiredValue(Manifest), parse.GetValue(Version)),
            input => input.Manifest.Hosts,
            (input, mesh, hosts, narrator, token) =>
            {
                mesh.Secrets = input.Secrets;
                return new DeployRun(mesh, hosts, narrator).RunAsync(input.Manifest, input.Version, parse.GetValue(CheckIndex), parse.GetValue(CheckDigest), token);
            },
            ct));
        return command;
    }
}
