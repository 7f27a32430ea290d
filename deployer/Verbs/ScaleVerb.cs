using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer scale demo 3</c></summary>
internal static class ScaleVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();
    private static readonly Argument<int> Replicas = new("replicas") { Description = $"how many there are to be, 1 to {ServiceManifest.MostReplicas}" };
    private static readonly Option<TimeSpan?> Deadline = MeshOptions.Duration("--deadline", "how long it may take to be passing", WithoutManifest.Deadline);
    private static readonly Option<TimeSpan?> Drain = MeshOptions.Duration("--drain", "how long requests in flight may take", WithoutManifest.Drain);

    public static Command Create()
    {
        var command = new VerbCommand(
            "scale",
            "Makes more or fewer replicas of the active release, like those that there are and on the same hosts. Its tests are not run. "
                + "The next deploy has as many as its manifest says.",
            "deployer scale demo 3")
        {
            Service,
            Replicas,
            Deadline,
            Drain,
        };
        command.SetAction((parse, ct) => VerbRunner.DeliverAsync(
            parse,
            "scale",
            () => (Service: ServiceArgument.Of(parse, Service), Replicas: Wanted(parse.GetRequiredValue(Replicas))),
            (input, mesh, hosts, narrator, token) => new ScaleRun(mesh, hosts, narrator).RunAsync(
                input.Service, input.Replicas, parse.GetValue(Deadline) ?? WithoutManifest.Deadline, parse.GetValue(Drain) ?? WithoutManifest.Drain, token),
            ct));
        return command;
    }

    private static int Wanted(int replicas) => replicas is >= 1 and <= ServiceManifest.MostReplicas
        ? replicas
        : throw new DeliveryException(
            ExitCode.WrongInput, $"{replicas} replicas: it must be 1 to {ServiceManifest.MostReplicas}; 'deployer maintenance' keeps requests away from a service");
}
