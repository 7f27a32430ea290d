using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Hosts;

/// <summary>Which hosts a service's replicas run on. Pure.</summary>
internal static class Placement
{
    /// <summary>The hosts that a manifest names, or all of them; throws for those that are not known.</summary>
    public static IReadOnlyList<DockerHost> Choose(IReadOnlyList<DockerHost> known, IReadOnlyList<string> wanted)
    {
        if (wanted.Count == 0)
            return known;
        string[] names = [.. known.Select(host => host.Name)];
        string[] faults = [.. wanted.Select(name => Fault(names, name)).OfType<string>()];
        return faults.Length == 0
            ? [.. known.Where(host => wanted.Contains(host.Name, StringComparer.Ordinal))]
            : throw new DeliveryException(ExitCode.WrongInput, string.Join('\n', faults));
    }

    /// <summary>What is wrong with the name of a host in a manifest; <c>null</c> if nothing is.</summary>
    public static string? Fault(IReadOnlyList<string> known, string name)
    {
        if (known.Contains(name))
            return null;
        var hint = NearestKey.Of(name, [.. known]) is { } near ? $"did you mean '{near}'?" : $"there are {string.Join(", ", known)}";
        return $"host '{name}' of the manifest is not in the file of hosts (--hosts or MESH_HOSTS): {hint}";
    }

    /// <summary>Spreads replicas as evenly as they can be: the first hosts have one more where it does not divide.</summary>
    /// <returns>For each host the numbers of its replicas, of 1 to <paramref name="replicas"/>.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> Spread(int replicas, int hosts) =>
        [.. Enumerable.Range(0, hosts).Select(host => (IReadOnlyList<int>)[.. Enumerable.Range(1, replicas).Where(number => (number - 1) % hosts == host)])];
}
