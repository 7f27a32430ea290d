using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer logs demo --follow</c></summary>
internal static class LogsVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Argument<string?> Container = new("id")
    {
        Description = "the unique beginning of a deployment's or a container's id, or of a container's name; without it the active release's",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Follow = new("--follow") { Description = "go on telling until Ctrl+C, or until the containers end" };

    private static readonly Option<int?> Tail = new("--tail") { Description = "only the last lines of each container", HelpName = "lines" };

    static LogsVerb() => Tail.Validators.Add(result =>
    {
        // What is no number is told by the parser, and has no value to be asked for here.
        if (result.Tokens is [{ Value: ['-', ..] }])
            result.AddError("--tail must be 0 or more");
    });

    public static Command Create()
    {
        var command = new VerbCommand(
            "logs",
            "Prints the output of a service's containers, each line after the container's name where there is more than one.",
            "deployer logs demo --tail 100 --follow",
            "deployer logs demo k3vabcde")
        {
            Service,
            Container,
            Follow,
            Tail,
        };
        command.SetAction((parse, ct) => VerbRunner.StreamAsync(parse, (mesh, screen, token) => PrintAsync(mesh, screen, parse, token), ct));
        return command;
    }

    private static async Task PrintAsync(Mesh mesh, Screen screen, ParseResult parse, CancellationToken ct)
    {
        var service = ServiceArgument.Of(parse, Service);
        var run = new LogRun(mesh, await mesh.HostsAsync([], ct));
        await run.RunAsync(
            service,
            parse.GetValue(Container),
            parse.GetValue(Tail),
            parse.GetValue(Follow),
            (line, isOneOfSeveral) => screen.Print(line, json => json.LogLine, isOneOfSeveral ? $"{line.Container} | {line.Line}" : line.Line),
            screen.Narrator.Warn,
            ct);
    }
}
