using System.Globalization;
using ServiceMesh.Deployer.Delivery.Canary;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Replaces the active release batch by batch. The last batch takes over by the promotion, as every release does.</summary>
internal sealed class RollingUpdate(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    /// <summary>Returns when all replicas of the release are healthy and all but the last batch have their share.</summary>
    /// <param name="attempt">The attempt, whose release has its first batch running, healthy and tested.</param>
    /// <param name="manifest">What the service is.</param>
    /// <param name="rolling">How it comes into the traffic.</param>
    /// <param name="before">The document to begin with.</param>
    /// <param name="split">The release's split, without a share yet.</param>
    /// <param name="started">The first batch.</param>
    /// <param name="next">Starts one more batch and waits until all that was started is healthy.</param>
    public async Task RunAsync(
        Attempt attempt,
        ServiceManifest manifest,
        RollingPolicy rolling,
        ServiceDocument before,
        Split split,
        ReadinessTarget started,
        Func<RollingStep, ReadinessTarget, Task<ReadinessTarget>> next)
    {
        var active = before.Active!;
        var containers = await hosts.ListAsync(attempt.Service, before, attempt.Token);
        var serving = containers.Where(container => container.Deployment == active.Deployment && container.Running).ToList();
        var steps = RollingStep.Of(manifest.Replicas, rolling.Batch, serving.Count);
        var observation = rolling.Bake > TimeSpan.Zero ? new ShareObservation(mesh, rolling) : null;
        foreach (var step in steps)
        {
            if (step.From > 1)
                started = await next(step, started);
            if (step == steps[^1])
                return;
            var surplus = ScalePlan.Of(active, step.Remaining, serving, leaving: _ => false).Leave;
            before = await ReplaceAsync(attempt, manifest, before, split with { Share = step.Share, Header = observation?.Header }, started, surplus, observation);
            serving.RemoveAll(surplus.Contains);
        }
    }

    /// <returns>The document with the split.</returns>
    private async Task<ServiceDocument> ReplaceAsync(
        Attempt attempt, ServiceManifest manifest, ServiceDocument before, Split split, ReadinessTarget started, IReadOnlyList<OwnContainer> surplus, ShareObservation? observation)
    {
        var known = await ConsulAnswer.OfAsync(() => mesh.Catalog.WithContainersAsync(attempt.Service, attempt.Token), mesh.Time, attempt.Token);
        var instances = known.ToLookup(entry => entry.Container, entry => entry.Instance.Id);
        HashSet<string> leaving = [.. surplus.SelectMany(container => instances[container.Id])];
        var what = string.Create(CultureInfo.InvariantCulture, $"{split.Share} % to {split.Release.Version}");
        var after = before with
        {
            Split = split,
            Leaving = [.. before.Leaving ?? [], .. leaving],
        };
        // At once: what leaves and where its requests go are one change.
        var index = await narrator.PhaseAsync("roll", async () => (await attempt.ChangeAsync(after, what), what));
        if (!await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, leaving, manifest.Drain, attempt.Token))
        {
            var why = $"a proxy does not follow, so nothing of {before.Active!.Version} can be replaced";
            throw new DeliveryException(ExitCode.Reverted, ReversionSentence.NotReplaced(attempt.Service, split.Release.Version, why)) { Reason = why };
        }

        // While those that leave still run: the way back takes no start then.
        if (observation is not null)
        {
            await narrator.PhaseAsync("observe", async () =>
            {
                var reason = await observation.JudgeAsync(attempt, after, started);
                return (reason, string.Create(CultureInfo.InvariantCulture, $"{split.Share} %: {reason}"));
            });
        }

        if (surplus.Count == 0)
            return after;
        await narrator.PhaseAsync("retire", async () =>
        {
            await attempt.FenceAsync(index, attempt.Token);
            await StopAsync(attempt, after, surplus);
            return (surplus, $"stopped {string.Join(", ", surplus.Select(container => container.Name))}");
        });
        return after;
    }

    // A stop that was given up may come to its end behind the way back, which finds the container running.
    private async Task StopAsync(Attempt attempt, ServiceDocument document, IReadOnlyList<OwnContainer> surplus)
    {
        try
        {
            await Task.WhenAll(surplus.Select(container => hosts.StopAsync(container, attempt.Token)));
        }
        catch (DeliveryException givenUp) when (!attempt.Token.IsCancellationRequested)
        {
            new Restart(mesh, hosts, narrator).WarnOfStopped(document, givenUp.Reason);
            throw;
        }
    }
}
