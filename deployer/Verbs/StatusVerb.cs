using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer status demo</c></summary>
internal static class StatusVerb
{
    private static readonly Argument<string?> Service = ServiceArgument.Completed(new Argument<string?>("service")
    {
        Description = "the service's name; without it all services",
        Arity = ArgumentArity.ZeroOrOne,
    });

    private static readonly Option<bool> Watch = new("--watch") { Description = "go on telling, after each change, until Ctrl+C" };

    public static Command Create()
    {
        var command = new VerbCommand(
            "status",
            "Tells what serves: every instance with its stage, version, host, health, share of the traffic and the requests in flight.",
            "deployer status demo",
            "deployer status --watch")
        {
            Service,
            Watch,
        };
        command.SetAction((parse, ct) =>
        {
            Task<IReadOnlyList<StatusRow>> Ask(Mesh mesh, Narrator narrator, CancellationToken token) =>
                StatusReader.ReadAsync(mesh, narrator, ServiceArgument.OfAny(parse, Service), token);
            return parse.GetValue(Watch)
                ? VerbRunner.WatchAsync(parse, Ask, json => json.IReadOnlyListStatusRow, Table, StatusRow.Same, ct)
                : VerbRunner.TellAsync(parse, Ask, json => json.IReadOnlyListStatusRow, Table, ct);
        });
        return command;
    }

    private static Columns Table(IReadOnlyList<StatusRow> rows) => StatusRow.Table(rows, TimeProvider.System.GetUtcNow());
}
