using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Starts the stopped containers of a release again. It has served before, so it need not prove itself for a time.</summary>
internal sealed class Restart(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    /// <param name="service">The service's name.</param>
    /// <param name="release">The release.</param>
    /// <param name="own">Its containers.</param>
    /// <param name="started">Gets those that were stopped, before the first of them is started.</param>
    /// <param name="deadline">How long it may take until all of them are healthy.</param>
    /// <param name="ct">The person's interruption.</param>
    public async Task RunAsync(
        string service, Release release, IReadOnlyList<OwnContainer> own, List<OwnContainer> started, TimeSpan deadline, CancellationToken ct)
    {
        var shares = await hosts.SharesAsync(own, ct);
        await narrator.PhaseAsync("start", async () =>
        {
            started.AddRange(own.Where(container => !container.Running));
            await StartAllAsync(service, release, started, ct);
            return (started, started.Count == 0 ? "its containers still run" : $"started {string.Join(", ", started.Select(container => container.Name))} again");
        });
        await narrator.PhaseAsync("healthy", async () =>
        {
            var target = new ReadinessTarget(service, release, shares, TimeSpan.Zero, deadline) { HasServed = true };
            var instances = await new Readiness(mesh.Catalog, mesh.Settings.Environment, mesh.Time).WaitAsync(target, ct);
            return (instances, $"{string.Join(", ", instances.Select(instance => instance.Url))} healthy");
        });
    }

    /// <summary>
    /// The same for the release that serves, as far as a rolling delivery has stopped it. These alone are waited for: that one of the others is ill
    /// is no reason to leave what is to go in the traffic.
    /// </summary>
    public async Task OfActiveAsync(ServiceDocument document, IReadOnlyList<OwnContainer> containers, TimeSpan deadline, CancellationToken ct)
    {
        var stopped = containers.Where(container => container.Deployment == document.Active?.Deployment && !container.Running).ToArray();
        if (stopped.Length > 0)
            await RunAsync(document.Service, document.Active!, stopped, [], deadline, ct);
    }

    /// <summary>The same on the way back. What fails is told, and no more.</summary>
    public async Task TryOfActiveAsync(ServiceDocument document, TimeSpan deadline, CancellationToken ct)
    {
        try
        {
            var containers = await hosts.ListReachableAsync(document.Service, document, ContainerHosts.Answers, (host, cause) => WarnOfStopped(document, $"host {host} does not tell ({cause.TrimEnd('.')})"), ct);
            await OfActiveAsync(document, containers, deadline, ct);
        }
        catch (Exception error) when (error is OperationCanceledException || Faults.Explain(error) is not null)
        {
            WarnOfStopped(document, ct.IsCancellationRequested ? "this was ended before" : error.Message.TrimEnd('.'));
        }
    }

    /// <summary>Warns that replicas of the release that serves may be stopped, or be so soon.</summary>
    public void WarnOfStopped(ServiceDocument document, string why) => narrator.Warn(
        $"whether all replicas of {document.Service} {document.Active?.Version} serve again is not sure: {why}. 'deployer status {document.Service}' tells, 'deployer scale {document.Service} <n>' brings those that do not");

    private Task StartAllAsync(string service, Release release, IEnumerable<OwnContainer> stopped, CancellationToken ct) =>
        Task.WhenAll(stopped.Select(container => hosts.StartAsync(container, $"{service} {release.Version}", ct)));
}
