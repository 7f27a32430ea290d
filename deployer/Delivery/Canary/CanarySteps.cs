using System.Globalization;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Brings a candidate into the traffic by growing shares, each a transaction of its own and judged before the next.</summary>
internal sealed class CanarySteps(Mesh mesh, Narrator narrator)
{
    /// <summary>Returns after the last step has passed, with the split still in place.</summary>
    /// <exception cref="DeliveryException">A step failed or was inconclusive; the split is still in place.</exception>
    public async Task RunAsync(Attempt attempt, CanaryPolicy policy, ServiceDocument before, Split split, ReadinessTarget started)
    {
        var observation = new ShareObservation(mesh, policy);
        foreach (var share in policy.Steps)
        {
            await narrator.PhaseAsync("canary", async () =>
            {
                var after = before with { Split = split with { Share = share, Header = observation.Header } };
                var index = await attempt.ChangeAsync(after, string.Create(CultureInfo.InvariantCulture, $"{share} % to {attempt.Release!.Version}"));
                if (await FollowedAsync(attempt, index) is { } late)
                    throw ShareObservation.Failed(attempt, after, $"{late}, so the candidate's figures would not be whole");
                var reason = await observation.JudgeAsync(attempt, after, started);
                return (reason, string.Create(CultureInfo.InvariantCulture, $"{share} %: {reason}"));
            });
        }
    }

    private async Task<string?> FollowedAsync(Attempt attempt, ulong index)
    {
        var proxies = await mesh.Proxies.ListAsync(attempt.Token);
        if (proxies.Count == 0)
            return $"no proxy is registered as '{mesh.Settings.ProxyService}'";
        var answers = await mesh.Proxies.AskUntilAsync(
            attempt.Service, proxies, all => ProxyState.Behind(all, index).Count == 0, TimeSpan.FromSeconds(30), attempt.Token);
        return ProxyState.Behind(answers, index) is [var late, ..] ? late : null;
    }
}
