using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer pause demo --limit 20s</c></summary>
internal static class PauseVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Option<TimeSpan?> Limit = MeshOptions.Duration(
        "--limit", "how long a request is held before it gets 504, at most 10m", Pause.DefaultLimit);

    public static Command Create()
    {
        var command = new VerbCommand(
            "pause",
            "Lets the proxies hold a service's requests, until resume.",
            "deployer pause demo --limit 20s")
        {
            Service,
            Limit,
        };
        command.SetAction((parse, ct) => VerbRunner.ChangeAsync(
            parse,
            "pause",
            () => (Service: ServiceArgument.Of(parse, Service), Limit: Wanted(parse)),
            (input, mesh, narrator, token) => new ChangeRun(mesh, narrator).RunAsync(
                input.Service,
                "pause",
                (document, _) => Task.FromResult(Change(document, input.Limit, mesh.Time.GetUtcNow())),
                token),
            ct));
        return command;
    }

    private static TimeSpan Wanted(ParseResult parse)
    {
        var limit = parse.GetValue(Limit) ?? Pause.DefaultLimit;
        OptionFaults.Refuse(new Pause(default, limit).Faults(), ("pause.limit", Limit));
        return limit;
    }

    private static (ServiceDocument After, string What) Change(ServiceDocument document, TimeSpan limit, DateTimeOffset now) => (
        document with { Pause = new Pause(now, limit), Maintenance = null },
        $"is paused: a request is held for up to {DurationText.Write(limit)}; 'deployer resume {document.Service}' lets them go");
}
