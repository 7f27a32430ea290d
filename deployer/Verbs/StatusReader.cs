using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>Brings together what the documents, the catalog and the proxies say.</summary>
internal static class StatusReader
{
    public static async Task<IReadOnlyList<StatusRow>> ReadAsync(Mesh mesh, Narrator narrator, string? only, CancellationToken ct)
    {
        var (listing, catalog, fleet) = (mesh.Store.ListAsync(ct), mesh.Catalog.ServicesAsync(ct), mesh.Proxies.ListAsync(ct));
        await Task.WhenAll(listing, catalog, fleet);
        var (documents, proxies) = (await listing, await fleet);
        string[] names = only is null ? [.. documents.Services.Keys.Union(await catalog).Order(StringComparer.Ordinal)] : [only];
        foreach (var stored in names.Select(documents.Services.GetValueOrDefault).Where(stored => stored?.Fault is not null))
            narrator.Warn($"what Consul KV holds for {stored!.Service} is no document: {stored.Fault}. Delete or mend that key.");

        var services = await Task.WhenAll(names.Select(async service =>
        {
            var (instances, answers) = (mesh.Catalog.InstancesAsync(service, ct), mesh.Proxies.AskAsync(service, proxies, ct));
            await Task.WhenAll(instances, answers);
            return Rows(service, documents.Find(service), await instances, (await answers).Values);
        }));
        return services.All(rows => rows.Count == 0) && only is not null && !documents.Services.ContainsKey(only)
            ? throw new DeliveryException(ExitCode.WrongInput, $"no service '{only}' is known: it has no document and no instance. 'deployer status' has the names that there are")
            : [.. services.SelectMany(rows => rows)];
    }

    /// <summary>A row for each instance, active ones first, and one for each release of the document that has no instance.</summary>
    public static IReadOnlyList<StatusRow> Rows(
        string service, ServiceDocument? document, IReadOnlyList<Instance> instances, IEnumerable<ProxyAnswer?> answers)
    {
        Release[] releases = [.. document?.Releases ?? []];
        var inFlight = answers.OfType<ProxyAnswer>().SelectMany(answer => answer.Instances ?? []).ToLookup(instance => instance.Id);
        var running = instances.Select(instance => new StatusRow(
            service,
            document?.StageOf(instance.Deployment, instance.Id) ?? Stage.Candidate,
            instance.Version,
            instance.Deployment,
            instance.Node,
            instance.Url,
            instance.Health,
            Share(instance, document, instances),
            inFlight.Contains(instance.Id) ? inFlight[instance.Id].Sum(told => told.InFlight) : null,
            releases.FirstOrDefault(release => release.Deployment == instance.Deployment)?.CreatedAt));
        var stopped = releases
            .Where(release => instances.All(instance => instance.Deployment != release.Deployment))
            .Select(release => new StatusRow(
                service, document!.StageOf(release.Deployment), release.Version, release.Deployment, Host: null, Url: null, "stopped", Share: null, InFlight: null, release.CreatedAt));
        var hold = Holding.Of(document);
        return [.. running.Concat(stopped).Select(row => row.Stage == Stage.Active ? row with { Hold = hold } : row).OrderBy(row => Order(row.Stage)).ThenByDescending(row => row.CreatedAt).ThenBy(row => row.Url, StringComparer.Ordinal)];
    }

    // As the proxies share it out: the release's part among its healthy instances, or among all where none is.
    private static double? Share(Instance instance, ServiceDocument? document, IReadOnlyList<Instance> instances)
    {
        if (document?.StageOf(instance.Deployment, instance.Id) != Stage.Active)
            return null;
        var split = document.Split;
        var release = split is null ? 100 : split.Release.Deployment == instance.Deployment ? split.Share : 100 - split.Share;
        var all = instances.Where(peer => peer.Deployment == instance.Deployment && document.StageOf(peer.Deployment, peer.Id) == Stage.Active).ToArray();
        Instance[] serving = all.Any(peer => peer.IsHealthy) ? [.. all.Where(peer => peer.IsHealthy)] : all;
        return serving.Contains(instance) ? release * instance.Weight / serving.Sum(peer => peer.Weight) : 0;
    }

    private static int Order(Stage stage) => stage switch { Stage.Active => 0, Stage.Candidate => 1, _ => 2 };
}
