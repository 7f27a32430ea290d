using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer rollback demo --to v1</c></summary>
internal static class RollbackVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    private static readonly Option<string?> To = new("--to")
    {
        Description = "the version to return to, or the unique beginning of a deployment's id; without it the release before",
        HelpName = "release",
    };

    private static readonly Option<TimeSpan?> Deadline = MeshOptions.Duration("--deadline", "how long it may take to be passing again, for which a warning is enough", WithoutManifest.Deadline);
    private static readonly Option<TimeSpan?> Drain = MeshOptions.Duration("--drain", "how long requests in flight may take", WithoutManifest.Drain);

    public static Command Create()
    {
        var command = new VerbCommand(
            "rollback",
            "Returns to a release that was active before. Its kept containers are started again; its tests are not run.",
            "deployer rollback demo",
            "deployer rollback demo --to v1")
        {
            Service,
            To,
            Deadline,
            Drain,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "rollback",
            () => ServiceArgument.Of(parse, Service),
            (service, mesh, hosts, narrator, token) => new RollbackRun(mesh, hosts, narrator).RunAsync(
                service,
                parse.GetValue(To),
                parse.GetValue(Deadline) ?? WithoutManifest.Deadline,
                parse.GetValue(Drain) ?? WithoutManifest.Drain,
                token),
            ct));
        return command;
    }
}
