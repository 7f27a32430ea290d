using Consul;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Watches a release after its promotion. Neither a Consul that is away nor a lock that is lost ends it early.</summary>
internal sealed class ReleaseWatch(Mesh mesh, Narrator narrator)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <param name="attempt">The attempt that promoted it.</param>
    /// <param name="policy">What it is watched for.</param>
    /// <param name="started">How many instances it has.</param>
    /// <returns>Why the release must be reverted; <c>null</c> if it did well, or as far as anybody can say.</returns>
    public async Task<string?> FaultAsync(Attempt attempt, WatchPolicy policy, int started) =>
        await narrator.PhaseAsync("watch", async () =>
        {
            var began = mesh.Time.GetTimestamp();
            var deployment = attempt.Release!.Deployment;
            var (figures, observed) = (new ProxyFigures(mesh, attempt.Service), new ObservedFigures(deployment));
            while (true)
            {
                var last = mesh.Time.GetElapsedTime(began) >= policy.For;
                observed = observed.See(await figures.LookAsync(attempt.Interruption));
                var verdict = Verdict.Of(policy, observed.Sum);
                if (verdict.Kind == VerdictKind.Fail)
                    return ((string?)verdict.Reason, verdict.Reason);
                var (ill, unseen) = await UnhealthyAsync(attempt, deployment, started);
                if (ill is not null)
                    return (ill, ill);
                if (last && unseen is not null)
                    narrator.Warn($"how healthy {attempt.Service} {attempt.Release.Version} is could not be watched to the end: {unseen}");
                if (last && verdict.Kind == VerdictKind.Inconclusive)
                    narrator.Warn($"whether {attempt.Service} {attempt.Release.Version} does well the watch could not tell: {verdict.Reason}");
                if (last)
                    return (null, verdict.Reason);
                await Task.Delay(Pause, mesh.Time, attempt.Interruption);
            }
        });

    /// <summary>What is wrong with a release that <paramref name="started"/> containers were started of; <c>null</c> for nothing.</summary>
    public static string? Illness(IReadOnlyList<Instance> instances, int started) =>
        instances.Count == 0 ? "no instance of it is registered any more"
        : instances.FirstOrDefault(instance => !instance.IsHealthy) is { } ill ? $"its instance {ill.Id} is {ill.Health}"
        : instances.Count < started ? $"it has {instances.Count} of its {started} instances left"
        : null;

    private async Task<(string? Ill, string? Unseen)> UnhealthyAsync(Attempt attempt, string deployment, int started)
    {
        try
        {
            var instances = (await mesh.Catalog.InstancesAsync(attempt.Service, attempt.Interruption)).Where(instance => instance.Deployment == deployment).ToArray();
            return (Illness(instances, started), null);
        }
        catch (ConsulRequestException error)
        {
            return (null, error.Message);
        }
    }
}
