namespace ServiceMesh.Deployer.Delivery;

/// <summary>Whose output tells most of why a release does badly. Pure.</summary>
internal static class Suspect
{
    /// <summary>
    /// The first of a release's containers whose instance is not registered or ill; where none is, the first with a warning, with which
    /// what has served before still has requests; else the first.
    /// </summary>
    /// <param name="containers">Their ids, one at least.</param>
    /// <param name="known">What Consul knows of the service.</param>
    public static string Among(IReadOnlyList<string> containers, IEnumerable<(Instance Instance, string Container)> known)
    {
        var instances = known.ToLookup(entry => entry.Container, entry => entry.Instance, StringComparer.Ordinal);
        return containers.MinBy(id => instances[id].Select(instance => instance.Health == "passing" ? 2 : instance.IsHealthy ? 1 : 0).DefaultIfEmpty().Min())!;
    }
}
