namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// What a container of a release printed last that does badly. It only illustrates that: whatever fails here is no failure, and
/// nothing waits long for it, for the release has requests meanwhile.
/// </summary>
internal sealed class LastLines(Mesh mesh, ContainerHosts hosts)
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(5);

    // Of these, for the list: a host that is away leaves time for the others' lines.
    private static readonly TimeSpan ListedWithin = TimeSpan.FromSeconds(2);

    public async Task<IReadOnlyList<string>> OfAsync(string service, Release release)
    {
        using var patience = new CancellationTokenSource(Within, mesh.Time);
        try
        {
            var own = (await hosts.ListReachableAsync(service, document: null, ListedWithin, (_, _) => { }, patience.Token)).Where(container => container.Deployment == release.Deployment).ToArray();
            if (own.Length == 0)
                return [];
            var suspect = Suspect.Among([.. own.Select(container => container.Id)], await mesh.Catalog.WithContainersAsync(service, patience.Token));
            return await hosts[own.First(container => container.Id == suspect).Host].TailAsync(suspect, patience.Token);
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            return [];
        }
    }
}
