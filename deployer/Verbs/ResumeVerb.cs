using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer resume demo</c></summary>
internal static class ResumeVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    public static Command Create()
    {
        var command = new VerbCommand("resume", "Ends a service's pause or maintenance.", "deployer resume demo") { Service };
        command.SetAction((parse, ct) => VerbRunner.ChangeAsync(
            parse,
            "resume",
            () => ServiceArgument.Of(parse, Service),
            (service, mesh, narrator, token) => new ChangeRun(mesh, narrator).RunAsync(
                service, "resume", (document, _) => Task.FromResult(Change(document)), token),
            ct));
        return command;
    }

    private static (ServiceDocument After, string What) Change(ServiceDocument document) => document switch
    {
        { Pause: null, Maintenance: null } =>
            throw new DeliveryException(ExitCode.WrongInput, $"{document.Service} is neither paused nor under maintenance: there is nothing to resume; 'deployer status {document.Service}' tells what serves"),
        _ => (document with { Pause = null, Maintenance = null }, "serves again"),
    };
}
