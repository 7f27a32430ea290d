using System.Net;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Tests.Integration;

/// <summary>Removes the containers that tests have started.</summary>
internal static class Removal
{
    public static Task RemoveAsync(this DockerClient docker, IEnumerable<ContainerListResponse> containers, CancellationToken ct = default) =>
        Task.WhenAll(containers.Select(container => RemoveAsync(docker, container.ID, ct)));

    private static async Task RemoveAsync(DockerClient docker, string container, CancellationToken ct)
    {
        try
        {
            await docker.Containers.RemoveContainerAsync(container, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, ct);
        }
        catch (DockerApiException error) when (error.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Conflict)
        {
            // Docker is removing it already (--rm).
        }
    }
}
