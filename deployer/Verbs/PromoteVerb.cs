using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer promote demo 3f2a</c></summary>
internal static class PromoteVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Argument<string> Candidate = new("candidate")
    {
        Description = "the unique beginning of an instance's, a container's or a deployment's id; see 'deployer status'",
    };

    private static readonly Option<string[]> Paths = new("--route")
    {
        Description = "a path that leads to the service; needed the first time, replaces its routes afterwards",
        HelpName = "path",
    };

    private static readonly Option<bool> Strip = new("--strip") { Description = "take the route's path off before the request reaches the service" };
    private static readonly Option<TimeSpan?> Deadline = MeshOptions.Duration("--deadline", "how long it may take to be passing", WithoutManifest.Deadline);
    private static readonly Option<TimeSpan?> Drain = MeshOptions.Duration("--drain", "how long requests in flight may take", WithoutManifest.Drain);

    public static Command Create()
    {
        var command = new VerbCommand(
            "promote",
            "Makes a running candidate active, such as a container that was started by hand. Its tests are not run.",
            "deployer promote demo 3f2a --route /demo --strip")
        {
            Service,
            Candidate,
            Paths,
            Strip,
            Deadline,
            Drain,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "promote",
            () => (Service: ServiceArgument.Of(parse, Service), Routes: Routes(parse)),
            (input, mesh, hosts, narrator, token) => new PromoteRun(mesh, hosts, narrator).RunAsync(
                input.Service,
                parse.GetRequiredValue(Candidate),
                input.Routes,
                parse.GetValue(Deadline) ?? WithoutManifest.Deadline,
                parse.GetValue(Drain) ?? WithoutManifest.Drain,
                token),
            ct));
        return command;
    }

    private static List<Route> Routes(ParseResult parse)
    {
        if (parse.GetValue(Strip) && parse.GetValue(Paths) is not { Length: > 0 })
            throw new DeliveryException(ExitCode.WrongInput, "--strip belongs to --route: say which path is to be taken off, such as --route /demo --strip");
        List<Route> routes = [.. (parse.GetValue(Paths) ?? []).Select(path => new Route(Host: null, path, parse.GetValue(Strip)))];
        return Route.FaultsOf(routes).FirstOrDefault() is { } fault
            ? throw new DeliveryException(ExitCode.WrongInput, fault)
            : routes;
    }
}
