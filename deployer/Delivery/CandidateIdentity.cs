using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What release running containers are, and where they run.</summary>
internal static class CandidateIdentity
{
    /// <summary>Finds the hosts of the candidate's containers; throws if one of them is on none.</summary>
    public static async Task<IReadOnlyList<HostShare>> LocateAsync(
        IReadOnlyList<(Instance Instance, string Container)> candidate, ContainerHosts hosts, CancellationToken ct)
    {
        if (candidate.FirstOrDefault(entry => entry.Container.Length == 0).Instance is { } foreign)
        {
            throw new DeliveryException(
                ExitCode.WrongInput, $"instance {foreign.Id} was registered by somebody else than a registry-sidecar; only a container can be promoted: start it in one, then run this again");
        }

        var shares = await hosts.LocateAsync([.. candidate.Select(entry => entry.Container).Distinct(StringComparer.Ordinal)], ct);
        var found = shares.SelectMany(share => share.Containers).ToHashSet(StringComparer.Ordinal);
        return candidate.FirstOrDefault(entry => !found.Contains(entry.Container)) is { Instance: { } lost } entry
            ? throw new DeliveryException(
                ExitCode.WrongInput,
                $"container {CandidateSpec.Short(entry.Container)} of instance {lost.Id} is on none of the Docker hosts; name its host with --docker (DOCKER_HOST), or in the file of --hosts")
            : shares;
    }

    /// <summary>The release as the document has it; of one that it does not name, what its container tells.</summary>
    public static async Task<Release> OfAsync(
        ServiceDocument? document, IReadOnlyList<(Instance Instance, string Container)> candidate, IReadOnlyList<HostShare> shares, CancellationToken ct)
    {
        var (instance, container) = candidate[0];
        if (document?.Split is { Release: var known } && known.Deployment == instance.Deployment)
            return known;
        var host = shares.First(share => share.Containers.Contains(container, StringComparer.Ordinal)).Host;
        var inspected = await host.InspectAsync(container, ct);
        ImageReference.TryParse(inspected.Config?.Image ?? "", out var image);
        var version = instance.Version.Length > 0 ? instance.Version : image?.Tag ?? CandidateSpec.Short(container);
        return new Release(
            instance.Deployment, version, await host.Images.ByDigestAsync(inspected.Image, image?.Repository, ct), new DateTimeOffset(inspected.Created.ToUniversalTime()));
    }
}
