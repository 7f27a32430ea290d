using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Takes a release out of the traffic again: the transaction first, then what is in flight, then its containers.</summary>
internal sealed class Reversion(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    /// <summary>Back to the release that was active before.</summary>
    /// <returns>What the deployment ends with.</returns>
    public async Task<DeliveryException> RevertAsync(Attempt attempt, ServiceManifest manifest, string reason)
    {
        // Beside the transaction that takes it out, which must not wait for it, and before its containers go.
        var tail = new LastLines(mesh, hosts).OfAsync(attempt.Service, attempt.Release!);
        if (attempt.Before.Document?.Active is not { } former)
        {
            var stays = ReversionSentence.First(attempt.Service, attempt.Release!.Version, reason);
            await attempt.RecordAsync(Outcome.Unhealthy, stays);
            return new DeliveryException(ExitCode.Reverted, stays) { LogTail = await tail };
        }

        var hindrance = await attempt.ResumeAsync();
        if (hindrance is null)
            await TakeOutAsync(attempt, manifest, reason, tail);
        else
            narrator.Warn($"{attempt.Service} {attempt.Release!.Version} cannot be reverted: {hindrance.Message}");
        var reverted = new DeliveryException(ExitCode.Reverted, ReversionSentence.Promoted(attempt.Service, attempt.Release!.Version, reason, former.Version))
        {
            Reason = $"{attempt.Service} {attempt.Release.Version} was promoted and does badly: {reason}",
            LogTail = await tail,
        };
        return attempt.Reverted ? reverted : attempt.NotUndone(reverted, hindrance);
    }

    /// <summary>Gives all of the traffic to the release that was active before. The one that failed is nobody's target for a rollback.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="manifest">What the service is.</param>
    /// <param name="reason">Why.</param>
    /// <param name="read">What reads of its containers, which stay until it has; <c>null</c> for nothing.</param>
    public async Task TakeOutAsync(Attempt attempt, ServiceManifest manifest, string reason, Task? read = null)
    {
        var before = attempt.Before.Document!;
        var after = ActiveAlone(before);
        Release[] left = [.. new[] { attempt.Release, before.Split?.Release }.OfType<Release>()];
        var what = $"{attempt.Service} {attempt.Release!.Version}";
        // The person may have interrupted, and the reversion is what they wait for.
        using var limit = new OwnLimit(OwnLimit.OfTheWayBack(manifest.Health.Deadline, manifest.Drain), mesh.Time);
        try
        {
            // Only then something of the active release is stopped; and whoever reverts must not wait for a host that is away.
            if (manifest.Strategy.Rolling is not null || before.Split is not null)
                await new Restart(mesh, hosts, narrator).TryOfActiveAsync(after, manifest.Health.Deadline, limit.Token);
            var index = await narrator.PhaseAsync("revert", async () =>
            {
                var changed = await attempt.RevertAsync(after, reason);
                return (changed, $"{after.Service} {after.Active!.Version} has all of the traffic at index {changed}");
            });
            if (!await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, left.Select(release => release.Deployment).ToHashSet(), manifest.Drain, limit.Token))
                return;
            await (read ?? Task.CompletedTask);
            await new Candidates(mesh, hosts, narrator).RemoveAsync(attempt, left);
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            narrator.Warn(attempt.Reverted
                ? $"{what} is out of the traffic, but its containers are left to the next deploy: {limit.Reason(error)}"
                // Another may have done it: what is said at the end tells what the release has.
                : $"{what} was not taken out of the traffic by this: {limit.Reason(error)}");
        }
    }

    /// <summary>
    /// The document with its active release alone. A split that an earlier delivery left unfinished is over with the delivery that
    /// came after it, and so is what left the traffic for its sake.
    /// </summary>
    public static ServiceDocument ActiveAlone(ServiceDocument document) => document.Split is null ? document : document with { Split = null, Leaving = null };
}
