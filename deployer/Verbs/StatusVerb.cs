using System.CommandLine;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer status demo</c></summary>
internal static class StatusVerb
{
    private static readonly Argument<string?> Service = new("service")
    {
        Description = "the service's name; without it all services",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Create()
    {
        var command = new VerbCommand(
            "status",
            "Tells what serves: every instance with its stage, version, health and the requests in flight.",
            "deployer status demo")
        {
            Service,
        };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse,
            (mesh, narrator, token) => StatusReader.ReadAsync(mesh, narrator, parse.GetValue(Service), token),
            json => json.IReadOnlyListStatusRow,
            rows => StatusRow.Table(rows, TimeProvider.System.GetUtcNow()),
            ct));
        return command;
    }
}
