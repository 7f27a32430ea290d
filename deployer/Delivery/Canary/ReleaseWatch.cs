using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Watches a release after its promotion.</summary>
internal sealed class ReleaseWatch(Mesh mesh, Narrator narrator)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <returns>Why the release must be reverted; <c>null</c> if it did well, or as far as anybody can say.</returns>
    public async Task<string?> FaultAsync(Attempt attempt, WatchPolicy policy) =>
        await narrator.PhaseAsync("watch", async () =>
        {
            var began = mesh.Time.GetTimestamp();
            var deployment = attempt.Release!.Deployment;
            var start = await FiguresAsync(attempt, deployment);
            while (true)
            {
                var last = mesh.Time.GetElapsedTime(began) >= policy.For;
                var verdict = Verdict.Of(policy, (await FiguresAsync(attempt, deployment)).Since(start));
                if (verdict.Kind == VerdictKind.Fail)
                    return ((string?)verdict.Reason, verdict.Reason);
                if (await UnhealthyAsync(attempt, deployment) is { } ill)
                    return (ill, ill);
                if (last)
                    return (null, verdict.Reason);
                await Task.Delay(Pause, mesh.Time, attempt.Token);
            }
        });

    private async Task<ReleaseFigures> FiguresAsync(Attempt attempt, string deployment)
    {
        var answers = await mesh.Proxies.AskAsync(attempt.Service, await mesh.Proxies.ListAsync(attempt.Token), attempt.Token);
        return ReleaseFigures.Of(answers.Values, deployment);
    }

    private async Task<string?> UnhealthyAsync(Attempt attempt, string deployment)
    {
        var instances = (await mesh.Catalog.InstancesAsync(attempt.Service, attempt.Token)).Where(instance => instance.Deployment == deployment).ToArray();
        return instances.Length == 0 ? "no instance of it is registered any more"
            : instances.FirstOrDefault(instance => !instance.IsHealthy) is { } ill ? $"its instance {ill.Id} is {ill.Health}"
            : null;
    }
}
