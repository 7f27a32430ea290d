using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.RegularExpressions;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer plan service.yaml --version v2</c></summary>
internal static partial class PlanVerb
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
            "plan",
            "Tells what a deploy would change and which containers would go, and the command that does exactly that. "
                + "The image is pulled, to know its digest; nothing else is changed.",
            "deployer plan recommendation-service/service.yaml --version v2")
        {
            Manifest,
            Version,
        };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse, (mesh, _, token) => PlanAsync(mesh, parse, token), json => json.PlanReport, Table, ct));
        return command;
    }

    private static async Task<PlanReport> PlanAsync(Mesh mesh, ParseResult parse, CancellationToken ct)
    {
        var input = DeployInput.Read(parse, parse.GetRequiredValue(Manifest), parse.GetValue(Version));
        var plan = await new PlanRun(mesh, await mesh.HostsAsync(input.Manifest.Hosts, ct)).RunAsync(input.Manifest, input.Version, ct);
        return new PlanReport(input.Manifest.Name, plan, Command(WordsOf(parse), parse.GetValue(Version) is null ? input.Version : null, plan));
    }

    /// <summary>The words for the verb deploy, without what asks for JSON.</summary>
    public static IEnumerable<string> WordsOf(ParseResult parse)
    {
        // It may have a value, which is no other word that reads the same.
        var values = (parse.GetResult(MeshOptions.Json)?.Tokens ?? []).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        return parse.Tokens
            .Where(token => !values.Contains(token) && (token.Type != TokenType.Option || token.Value != MeshOptions.Json.Name))
            .Select(token => token.Type == TokenType.Command ? "deploy" : token.Value);
    }

    /// <summary>The same words with what was found out.</summary>
    public static string Command(IEnumerable<string> words, string? version, DeployPlan plan) => ShellWords.Join(
    [
        "deployer", .. words, .. version is null ? [] : new[] { Version.Name, version },
        "--check-digest", plan.Image.Split('@')[1], "--check-index", plan.Index.ToString(CultureInfo.InvariantCulture),
    ]);

    public static Columns Table(PlanReport report) => new(
        ["WHAT", "NOW", "THEN"],
        [
            .. report.Plan.Changes.Select(Cells),
            .. report.Plan.Stopped.Select(name => (IReadOnlyList<string>)["container", name, "stopped, kept for a rollback"]),
            .. report.Plan.Removed.Select(name => (IReadOnlyList<string>)["container", name, "removed"]),
        ])
    {
        Next = report.Command,
    };

    private static IReadOnlyList<string> Cells(PlannedChange change) =>
        [change.What, Short(change.Now), change.Now == change.Then ? "the same" : Short(change.Then)];

    // A digest's beginning is enough for a person.
    private static string Short(string? value) => value is null ? "-" : Digest().Replace(value, "${start}…");

    [GeneratedRegex("(?<start>sha256:[0-9a-f]{12})[0-9a-f]{52}", RegexOptions.CultureInvariant)]
    private static partial Regex Digest();
}

/// <summary>What a deployment would change.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Plan">What would change.</param>
/// <param name="Command">What does exactly that, or refuses.</param>
internal sealed record PlanReport(string Service, DeployPlan Plan, string Command);
