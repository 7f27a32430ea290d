using ServiceMesh.Deployer.Delivery;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>Brings together what the documents, the catalog and the proxies say.</summary>
internal static class StatusReader
{
    public static async Task<IReadOnlyList<StatusRow>> ReadAsync(Mesh mesh, string? only, CancellationToken ct)
    {
        var documents = await mesh.Store.ListAsync(ct);
        var names = only is null
            ? documents.Services.Keys.Union(await mesh.Catalog.ServicesAsync(ct)).Order(StringComparer.Ordinal).ToArray()
            : [only];
        var proxies = await mesh.Proxies.ListAsync(ct);
        var services = await Task.WhenAll(names.Select(async service => Rows(
            service,
            documents.Find(service),
            await mesh.Catalog.InstancesAsync(service, ct),
            (await mesh.Proxies.AskAsync(service, proxies, ct)).Values)));
        return services.SelectMany(rows => rows).ToArray() is { Length: > 0 } rows || only is null
            ? [.. services.SelectMany(rows => rows)]
            : throw new DeliveryException(ExitCode.WrongInput, $"no service '{only}' is known: it has no document and no instance");
    }

    /// <summary>A row for each instance, active ones first, and one for each release of the document that has no instance.</summary>
    public static IReadOnlyList<StatusRow> Rows(
        string service, ServiceDocument? document, IReadOnlyList<Instance> instances, IEnumerable<ProxyAnswer?> answers)
    {
        Release[] releases = document is null ? [] : document.Active is { } active ? [active, .. document.Retired] : [.. document.Retired];
        var inFlight = answers.OfType<ProxyAnswer>().SelectMany(answer => answer.Instances ?? []).ToLookup(instance => instance.Id);
        var running = instances.Select(instance => new StatusRow(
            service,
            document?.StageOf(instance.Deployment) ?? Stage.Candidate,
            instance.Version,
            instance.Deployment,
            instance.Url,
            instance.Health,
            inFlight.Contains(instance.Id) ? inFlight[instance.Id].Sum(told => told.InFlight) : null,
            releases.FirstOrDefault(release => release.Deployment == instance.Deployment)?.CreatedAt));
        var stopped = releases
            .Where(release => instances.All(instance => instance.Deployment != release.Deployment))
            .Select(release => new StatusRow(
                service, document!.StageOf(release.Deployment), release.Version, release.Deployment, null, "stopped", null, release.CreatedAt));
        return [.. running.Concat(stopped).OrderBy(row => Order(row.Stage)).ThenByDescending(row => row.CreatedAt).ThenBy(row => row.Url, StringComparer.Ordinal)];
    }

    private static int Order(Stage stage) => stage switch { Stage.Active => 0, Stage.Candidate => 1, _ => 2 };
}
