using System.CommandLine;
using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer abort demo</c></summary>
internal static class AbortVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();
    private static readonly Option<TimeSpan?> Deadline = MeshOptions.Duration(
        "--deadline", "how long it may take until what a rolling delivery had stopped is passing again, for which a warning is enough", WithoutManifest.Deadline);
    private static readonly Option<TimeSpan?> Drain = MeshOptions.Duration("--drain", "how long requests in flight may take", WithoutManifest.Drain);

    public static Command Create()
    {
        var command = new VerbCommand(
            "abort",
            "Undoes what a deployment left unfinished: ends a split in favour of the active release, and removes candidates that a deployer made. "
                + "A deployment that still runs is ended by Ctrl+C where it runs, or loses its lock by 'deployer lock release'.",
            "deployer abort demo")
        {
            Service,
            Deadline,
            Drain,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "abort",
            () => ServiceArgument.Of(parse, Service),
            (service, mesh, hosts, narrator, token) => new AbortRun(mesh, hosts, narrator).RunAsync(
                service, parse.GetValue(Deadline) ?? WithoutManifest.Deadline, parse.GetValue(Drain) ?? WithoutManifest.Drain, token),
            ct));
        return command;
    }
}
