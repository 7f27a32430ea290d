using Consul;
using Docker.DotNet;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The containers of a release on its way into the traffic.</summary>
internal sealed class Candidates(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    // A proxy that hands over to another answers only when that is over.
    private static readonly TimeSpan ServedWithin = TimeSpan.FromSeconds(3);

    // A deployer may have been killed a moment after it started them, and a sidecar asks a Docker that was away again within 5 s.
    private static readonly TimeSpan RegisteredWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Makes and starts one container for each of the replicas that is asked for by its number, spread over the hosts.</summary>
    public async Task<IReadOnlyList<HostShare>> StartAsync(ServiceManifest manifest, Release release, Func<int, bool> asked, CancellationToken ct)
    {
        var spread = hosts.Chosen
            .Zip(Placement.Spread(manifest.Replicas, hosts.Chosen.Count), (host, numbers) => (First: host, Second: numbers.Where(asked).ToArray()))
            .Where(share => share.Second.Length > 0)
            .ToArray();
        var starting = spread.Select(share => share.First.NamedAsync(() => StartOnAsync(share.First, share.Second, manifest, release, ct), ct)).ToArray();
        // All end before one is judged: whatever a host makes must be there when the candidates are removed.
        await Task.WhenAll((IEnumerable<Task>)starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return await Task.WhenAll(starting);
    }

    private async Task<HostShare> StartOnAsync(
        ContainerHost host, IReadOnlyList<int> numbers, ServiceManifest manifest, Release release, CancellationToken ct)
    {
        var since = await host.ClockAsync(ct);
        var ids = new List<string>();
        try
        {
            foreach (var number in numbers)
            {
                ct.ThrowIfCancellationRequested();
                // Not cancelled: whatever Docker makes must be there when the candidates are removed.
                ids.Add(await host.CreateAsync(CandidateSpec.Of(manifest, mesh.Secrets.Of(manifest.Secrets), release, number, mesh.Settings.Environment, host.Publish), CancellationToken.None));
            }

            await Task.WhenAll(ids.Select(id => host.StartAsync(id, ct)));
            return new HostShare(host, ids, since);
        }
        catch (DockerApiException error)
        {
            throw Faults.CannotStart($"{manifest.Name} {release.Version}", error);
        }
    }

    /// <summary>
    /// Removes whatever there is of releases that no traffic leads to. Bounded, and not interrupted by the interruption that caused it.
    /// What another may have promoted meanwhile stays, and all of it where Consul does not say.
    /// </summary>
    public async Task RemoveAsync(Attempt attempt, params IReadOnlyList<Release> releases)
    {
        using var limit = new OwnLimit(TimeSpan.FromSeconds(45), mesh.Time);
        try
        {
            var containers = await hosts.ListReachableAsync(attempt.Service, document: null, narrator, limit.Token, withTests: true);
            OwnContainer[] own = [.. containers.Where(container => releases.Any(release => release.Deployment == container.Deployment))];
            if (own.Length == 0)
                return;
            await FenceAsync(attempt, limit.Token);
            await Task.WhenAll(own.Select(container => hosts.RemoveAsync(container, limit.Token)));
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            narrator.Warn($"what was started of {attempt.Service} {string.Join(" and ", releases.Select(release => release.Version))} is not removed; its containers are left to the next deploy: {limit.Reason(error)}");
        }
    }

    /// <summary>Returns when the lock is held still: for as long as Consul fails it is asked again, for what is not undone now runs on.</summary>
    public async Task FenceAsync(Attempt attempt, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await attempt.FenceAsync(attempt.Current.Index, ct);
                return;
            }
            catch (ConsulRequestException error) when (error.IsTransient)
            {
                await Task.Delay(Pause, mesh.Time, ct);
            }
        }
    }

    /// <summary>
    /// Removes what an earlier attempt left behind. Whoever holds the lock knows that nobody waits for tests that still run. What may
    /// serve by another Consul stays, and is refused; where production has changed already, it is warned of, and so is what a proxy serves
    /// by another document.
    /// </summary>
    /// <param name="attempt">The attempt that holds the lock.</param>
    /// <param name="tests">The host that its tests run on; <c>null</c> for none beside those of production.</param>
    /// <param name="drain">How long requests may take that are still in flight on it, for an attempt may have been killed before it waited for them.</param>
    /// <param name="drained">The deployments that had this time already.</param>
    /// <param name="spared">Those of them that a proxy serves all the same, which was told: they stay.</param>
    public async Task<Cleaned> CleanAsync(Attempt attempt, ContainerHost? tests, TimeSpan drain, IReadOnlySet<string>? drained = null, IReadOnlySet<string>? spared = null)
    {
        var (service, (_, document, index, _), ct) = (attempt.Service, attempt.Current, attempt.Token);
        var candidates = Housekeeping.Leftovers(document, await hosts.ListAsync(service, document, ct, withTests: true))
            .Where(container => container.IsTests || spared?.Contains(container.Deployment) is not true)
            .Select(container => (Host: hosts[container.Host], Container: container))
            .ToArray();
        var suites = tests is null ? [] : (await tests.TestsAsync(service, ct)).Select(container => (Host: tests, Container: container));
        var leftovers = candidates.Concat(suites).DistinctBy(left => left.Container.Id).ToArray();
        if (leftovers.Length == 0)
            return Cleaned.Nothing;
        return await narrator.PhaseAsync("clean", async () =>
        {
            // Tests answer nobody, and their release may be the one that serves.
            var left = candidates.Select(candidate => candidate.Container).Where(container => !container.IsTests && drained?.Contains(container.Deployment) is not true).ToArray();
            if (document is null && left.Length > 0)
                await RefuseServedAsync(service, ct);
            // Of a service that has no document no proxy knows anything.
            var answers = document is null || left.Length == 0 ? new Dictionary<Instance, ProxyAnswer?>() : await AnswersAsync(service, "", ct);
            var served = Served(service, left, answers);
            left = [.. left.Except(served)];
            var hasChanged = index != attempt.Before.Index;
            var unknown = await UnknownAsync(service, document, left, hasChanged ? TimeSpan.Zero : RegisteredWithin, ct);
            var gone = leftovers.ExceptBy(unknown.Concat(served).Select(container => container.Id), leftover => leftover.Container.Id).ToArray();
            if (document is not null && left.Length > unknown.Count)
                await DrainAsync(service, index, left.ExceptBy(unknown.Select(container => container.Id), container => container.Id).Select(container => container.Deployment), answers, drain, ct);
            if (gone.Length > 0)
                await attempt.FenceAsync(index, ct);
            await Task.WhenAll(gone.Select(leftover => leftover.Host.RemoveAsync(leftover.Container, ct)));
            var removed = gone.Length == 0 ? "nothing removed" : $"removed {string.Join(", ", gone.Select(leftover => leftover.Container.Name))}, left behind by an earlier attempt";
            if (unknown.Count > 0)
            {
                var refusal = Faults.NotRegistered(service, string.Join(' ', unknown.Select(container => container.Name)), string.Join(" and ", unknown.Select(container => container.Host).Distinct()), mesh.ConsulAddress);
                if (!hasChanged)
                {
                    narrator.Say(removed);
                    throw refusal;
                }

                narrator.Warn($"{refusal.Reason}; the next deploy or abort of {service} looks for them again");
            }

            return (new Cleaned([.. gone.Select(leftover => leftover.Container)], [.. served, .. unknown]), removed);
        });
    }

    // What serves by what the proxies remember of this Consul looks like what an attempt left behind.
    private async Task RefuseServedAsync(string service, CancellationToken ct)
    {
        if (Housekeeping.Serving(await AnswersAsync(service, ", which has no document", ct)) is { } proxy)
            throw Faults.DocumentLost(service, proxy.Id, proxy.Url, mesh.ConsulAddress);
    }

    // And so does what serves by a document that this Consul had before it was restored.
    private IReadOnlyList<OwnContainer> Served(string service, OwnContainer[] left, IReadOnlyDictionary<Instance, ProxyAnswer?> answers)
    {
        var served = Housekeeping.Served(left.Select(container => container.Deployment), answers);
        foreach (var (deployment, proxy) in served)
        {
            var id = CandidateSpec.Short(deployment);
            narrator.Warn($"proxy {proxy.Id} at {proxy.Url} still sends requests to deployment {id}, which the document of {service} does not name, so its containers stay until that proxy follows: the next deploy or abort removes them then. "
                + $"If Consul was restored from an older snapshot, 'deployer promote {service} {id}' makes what it serves active");
        }

        return [.. left.Where(container => served.Any(one => one.Deployment == container.Deployment))];
    }

    // And so does what serves by another Consul.
    private async Task<IReadOnlyList<OwnContainer>> UnknownAsync(string service, ServiceDocument? document, OwnContainer[] left, TimeSpan within, CancellationToken ct)
    {
        if (left.Length == 0)
            return [];
        var began = mesh.Time.GetTimestamp();
        while (Housekeeping.Unknown(left, await ConsulAnswer.OfAsync(() => mesh.Catalog.InstancesAsync(service, ct), mesh.Time, ct)) is { Count: > 0 } unknown)
        {
            // What has ended or is gone meanwhile serves nobody.
            if (mesh.Time.GetElapsedTime(began) >= within)
                return Housekeeping.Unknown((await hosts.ListAsync(service, document, ct)).IntersectBy(unknown.Select(container => container.Id), container => container.Id), registered: []);
            await Task.Delay(Pause, mesh.Time, ct);
        }

        return [];
    }

    // One that was just asked too much of, or that takes over, has a moment.
    private async Task<IReadOnlyDictionary<Instance, ProxyAnswer?>> AnswersAsync(string service, string which, CancellationToken ct)
    {
        var answers = await mesh.Proxies.AskUntilAsync(service, await mesh.Proxies.ListAsync(ct), all => !Housekeeping.Silent(all).Any(), ServedWithin, ct, ProxyAnswer.NoService);
        foreach (var silent in Housekeeping.Silent(answers))
            narrator.Warn($"proxy {silent.Id} at {silent.Url} does not say what it still serves of {service}{which}: it is taken for one that serves nothing of what is removed");
        return answers;
    }

    private async Task DrainAsync(string service, ulong index, IEnumerable<string> releases, IReadOnlyDictionary<Instance, ProxyAnswer?> answers, TimeSpan drain, CancellationToken ct)
    {
        var left = Housekeeping.HadTraffic(releases, await ConsulAnswer.OfAsync(() => mesh.Store.HistoryAsync(service, ct), mesh.Time, ct), answers);
        if (left.Count == 0)
            return;
        narrator.Say($"what is in flight on deployment {string.Join(", ", left.Select(CandidateSpec.Short))} has up to {DurationText.Write(drain)} to end");
        await mesh.Proxies.DrainAsync(service, index, left, drain, ct);
    }
}

/// <summary>What became of what an earlier attempt left behind.</summary>
/// <param name="Removed">The containers that are gone.</param>
/// <param name="Stayed">Those that may serve, by another document or another Consul: they are warned of.</param>
internal sealed record Cleaned(IReadOnlyList<OwnContainer> Removed, IReadOnlyList<OwnContainer> Stayed)
{
    public static Cleaned Nothing { get; } = new([], []);
}
