using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer maintenance demo --message "Back at noon."</c></summary>
internal static class MaintenanceVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Option<string?> Message = new("--message") { Description = "what people read", HelpName = "text" };

    private static readonly Option<TimeSpan?> RetryAfter = MeshOptions.Duration(
        "--retry-after", "when to try again, told in Retry-After", Maintenance.DefaultRetryAfter);

    public static Command Create()
    {
        var command = new VerbCommand(
            "maintenance",
            "Lets the proxies answer a service's requests with 503 and a message, until resume.",
            "deployer maintenance demo --message \"Back at noon.\" --retry-after 30m")
        {
            Service,
            Message,
            RetryAfter,
        };
        command.SetAction((parse, ct) => VerbRunner.ChangeAsync(
            parse,
            "maintenance",
            () => (Service: ServiceArgument.Of(parse, Service), Maintenance: Wanted(parse)),
            (input, mesh, narrator, token) => new ChangeRun(mesh, narrator).RunAsync(
                input.Service,
                "maintenance",
                (document, _) => Task.FromResult(Change(document, input.Maintenance with { Since = mesh.Time.GetUtcNow() })),
                token),
            ct));
        return command;
    }

    private static Maintenance Wanted(ParseResult parse)
    {
        var wanted = new Maintenance(default, parse.GetValue(Message), parse.GetValue(RetryAfter));
        OptionFaults.Refuse(wanted.Faults(), ("maintenance.message", Message), ("maintenance.retryAfter", RetryAfter));
        return wanted;
    }

    private static (ServiceDocument After, string What) Change(ServiceDocument document, Maintenance maintenance) => (
        document with { Maintenance = maintenance, Pause = null },
        $"is under maintenance: requests get 503; 'deployer resume {document.Service}' ends it");
}
