namespace ServiceMesh.Deployer.Delivery;

/// <summary>Whose output tells most of why a release does badly. Pure.</summary>
internal static class Suspect
{
    /// <summary>The first of a release's containers whose instance is not registered or not passing; where all are, the first.</summary>
    /// <param name="containers">Their ids, one at least.</param>
    /// <param name="known">What Consul knows of the service.</param>
    public static string Among(IReadOnlyList<string> containers, IEnumerable<(Instance Instance, string Container)> known)
    {
        var health = known.ToLookup(entry => entry.Container, entry => entry.Instance.Health, StringComparer.Ordinal);
        return containers.FirstOrDefault(id => health[id].DefaultIfEmpty().Any(told => told != "passing")) ?? containers[0];
    }
}
