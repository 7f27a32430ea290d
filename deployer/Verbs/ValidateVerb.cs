using System.CommandLine;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer validate service.yaml</c></summary>
internal static class ValidateVerb
{
    private static readonly Argument<string> Manifest = new("manifest") { Description = "the service's service.yaml" };

    public static Command Create()
    {
        var command = new VerbCommand(
            "validate", "Reads a manifest and tells everything that is wrong with it, by line. Nothing is asked or changed.", "deployer validate service.yaml")
        {
            Manifest,
        };
        command.SetAction((parse, _) => Task.FromResult(VerbRunner.Read(
            parse, () => new ValidReport(ManifestFile.Read(parse.GetRequiredValue(Manifest)).Name, parse.GetRequiredValue(Manifest)), json => json.ValidReport, Table)));
        return command;
    }

    private static Columns Table(ValidReport report) => new(["SERVICE", "MANIFEST"], [[report.Service, $"{report.Manifest} is valid"]]);
}

/// <summary>A manifest that is valid.</summary>
internal sealed record ValidReport(string Service, string Manifest);
