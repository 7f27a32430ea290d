using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Takes a release out of the traffic again: the transaction first, then what is in flight, then its containers.</summary>
internal sealed class Reversion(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    // The person may have interrupted, and the reversion is what they wait for.
    private static readonly TimeSpan Within = TimeSpan.FromMinutes(2);

    /// <summary>Back to the release that was active before.</summary>
    /// <returns>What the deployment ends with.</returns>
    public async Task<DeliveryException> RevertAsync(Attempt attempt, ServiceManifest manifest, string reason)
    {
        if (attempt.Before.Document is not { Active: { } former } before)
        {
            narrator.Warn($"{attempt.Service} {attempt.Release!.Version} does badly ({reason}), but there is no release to return to");
            return new DeliveryException(ExitCode.Reverted, $"{attempt.Service} {attempt.Release!.Version} does badly: {reason}. It stays active, because it is the first.");
        }

        // The document as it was, and the release that failed is nobody's target for a rollback.
        await LeaveAsync(attempt, manifest, before, reason);
        var isBack = attempt.Current.Document?.Active?.Deployment == former.Deployment;
        return new DeliveryException(
            ExitCode.Reverted,
            isBack
                ? $"{attempt.Service} {attempt.Release!.Version} was promoted and reverted: {reason}. {former.Version} is active again."
                : $"{attempt.Service} {attempt.Release!.Version} was promoted, does badly ({reason}), and could not be reverted: look at 'deployer status {attempt.Service}'.");
    }

    /// <summary>Ends the split with a release that failed on its way into all of the traffic.</summary>
    public Task EndSplitAsync(Attempt attempt, ServiceManifest manifest, string reason) =>
        LeaveAsync(attempt, manifest, attempt.Current.Document! with { Split = null, Leaving = attempt.Before.Document?.Leaving }, reason);

    private async Task LeaveAsync(Attempt attempt, ServiceManifest manifest, ServiceDocument after, string reason)
    {
        using var deadline = new CancellationTokenSource(Within, mesh.Time);
        try
        {
            // Only then something of the other release is stopped; and whoever reverts must not wait for a host that is away.
            if (manifest.Strategy.Rolling is not null)
                await new Restart(mesh, hosts, narrator).OfActiveAsync(after, manifest.Health.Deadline, deadline.Token);
            var index = await narrator.PhaseAsync("revert", async () =>
            {
                var changed = await attempt.RevertAsync(after, reason);
                return (changed, $"{after.Service} {after.Active!.Version} has all of the traffic at index {changed}");
            });
            if (await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, new HashSet<string> { attempt.Release!.Deployment }, manifest.Drain, deadline.Token))
                await new Candidates(mesh, hosts, narrator).RemoveAsync(after.Service, attempt.Release);
        }
        catch (Exception error) when (error is OperationCanceledException || Faults.Explain(error) is not null)
        {
            narrator.Warn(
                $"{attempt.Service} {attempt.Release!.Version} could not be taken out of the traffic ({error.Message}): "
                + $"run 'deployer abort {attempt.Service}' or 'deployer rollback {attempt.Service}'");
        }
    }
}
