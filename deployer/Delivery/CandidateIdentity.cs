using Docker.DotNet;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What release a running container is.</summary>
internal static class CandidateIdentity
{
    public static async Task<Release> OfAsync(Instance instance, string container, ContainerHost host, CancellationToken ct)
    {
        if (container.Length == 0)
        {
            throw new DeliveryException(
                ExitCode.WrongInput, $"instance {instance.Id} was registered by somebody else than a registry-sidecar; only a container can be promoted");
        }

        try
        {
            var inspected = await host.InspectAsync(container, ct);
            ImageReference.TryParse(inspected.Config?.Image ?? "", out var image);
            var version = instance.Version.Length > 0 ? instance.Version : image?.Tag ?? CandidateSpec.Short(container);
            return new Release(
                instance.Deployment, version, await host.Images.ByDigestAsync(inspected.Image, ct), new DateTimeOffset(inspected.Created.ToUniversalTime()));
        }
        catch (DockerContainerNotFoundException)
        {
            throw new DeliveryException(
                ExitCode.WrongInput,
                $"container {CandidateSpec.Short(container)} of instance {instance.Id} is not on this Docker host; name its host with --docker or DOCKER_HOST");
        }
    }
}
