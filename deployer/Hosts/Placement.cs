using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Hosts;

/// <summary>Which hosts a service's replicas run on. Pure.</summary>
internal static class Placement
{
    /// <summary>The hosts that a manifest names, or all of them; throws for one that is not known.</summary>
    public static IReadOnlyList<DockerHost> Choose(IReadOnlyList<DockerHost> known, IReadOnlyList<string> wanted)
    {
        if (wanted.Count == 0)
            return known;
        foreach (var name in wanted.Where(name => known.All(host => host.Name != name)))
        {
            string[] names = [.. known.Select(host => host.Name)];
            var hint = NearestKey.Of(name, names) is { } near ? $"did you mean '{near}'?" : $"there are {string.Join(", ", names)}";
            throw new DeliveryException(ExitCode.WrongInput, $"host '{name}' of the manifest is not in the file of hosts (--hosts or MESH_HOSTS): {hint}");
        }

        return [.. known.Where(host => wanted.Contains(host.Name, StringComparer.Ordinal))];
    }

    /// <summary>Spreads replicas as evenly as they can be: the first hosts have one more where it does not divide.</summary>
    /// <returns>For each host the numbers of its replicas, of 1 to <paramref name="replicas"/>.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> Spread(int replicas, int hosts) =>
        [.. Enumerable.Range(0, hosts).Select(host => (IReadOnlyList<int>)[.. Enumerable.Range(1, replicas).Where(number => (number - 1) % hosts == host)])];
}
