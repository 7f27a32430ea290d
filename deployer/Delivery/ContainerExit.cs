using Docker.DotNet.Models;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The end of a container, as the Docker host told of it.</summary>
internal sealed record ContainerExit(string Id, string Name, string ExitCode)
{
    public static ContainerExit From(Actor actor) => new(actor.ID, Attribute(actor, "name"), Attribute(actor, "exitCode"));

    private static string Attribute(Actor actor, string name) => actor.Attributes.TryGetValue(name, out var value) ? value : "unknown";
}
