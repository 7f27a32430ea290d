using System.Globalization;
using System.Security.Cryptography;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Brings a candidate into the traffic by growing shares, each a transaction of its own and judged before the next.</summary>
internal sealed class CanarySteps(Mesh mesh, Narrator narrator)
{
    private const string SyntheticHeader = "Mesh-Synthetic";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Returns after the last step has passed, with the split still in place.</summary>
    /// <exception cref="DeliveryException">A step failed or was inconclusive; the split is still in place.</exception>
    public async Task RunAsync(Attempt attempt, CanaryPolicy policy, ServiceDocument before)
    {
        // Not to be guessed: nobody but this deployer is to send itself to the candidate by it.
        var header = policy.Synthetic is null ? null : new SplitMatch(SyntheticHeader, RandomNumberGenerator.GetHexString(32, lowercase: true));
        foreach (var share in policy.Steps)
        {
            await narrator.PhaseAsync("canary", async () =>
            {
                var after = before with { Split = new Split(attempt.Release!, share, header) };
                var index = await attempt.ChangeAsync(after, string.Create(CultureInfo.InvariantCulture, $"{share} % to {attempt.Release!.Version}"));
                if (await FollowedAsync(attempt, index) is { } late)
                    throw Failed(attempt, share, $"{late}, so the candidate's figures would not be whole");
                var verdict = await BakeAsync(attempt, policy, after, header);
                return verdict.Kind == VerdictKind.Pass
                    ? (verdict, string.Create(CultureInfo.InvariantCulture, $"{share} %: {verdict.Reason}"))
                    : throw Failed(attempt, share, verdict.Kind == VerdictKind.Inconclusive ? $"inconclusive: {verdict.Reason}" : verdict.Reason);
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

    // Too many errors end it at once. All else is judged at the end: a release that was just started is slow for a moment.
    private async Task<Verdict> BakeAsync(Attempt attempt, CanaryPolicy policy, ServiceDocument document, SplitMatch? header)
    {
        var began = mesh.Time.GetTimestamp();
        var (candidate, active) = await FiguresAsync(attempt, document);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(attempt.Token);
        var synthetic = header is null
            ? Task.CompletedTask
            : new SyntheticLoad(mesh, policy, document, header).RunAsync(over.Token);
        try
        {
            while (true)
            {
                var last = mesh.Time.GetElapsedTime(began) >= policy.Bake;
                var (candidateNow, activeNow) = await FiguresAsync(attempt, document);
                var verdict = Verdict.Of(policy, candidateNow.Since(candidate), activeNow.Since(active));
                if (last || (verdict.Kind == VerdictKind.Fail && verdict.IsErrors))
                    return verdict;
                await Task.Delay(Pause, mesh.Time, attempt.Token);
            }
        }
        finally
        {
            await over.CancelAsync();
            await synthetic.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<(ReleaseFigures Candidate, ReleaseFigures Active)> FiguresAsync(Attempt attempt, ServiceDocument document)
    {
        var proxies = await mesh.Proxies.ListAsync(attempt.Token);
        var answers = await mesh.Proxies.AskAsync(attempt.Service, proxies, attempt.Token);
        return (
            ReleaseFigures.Of(answers.Values, document.Split!.Release.Deployment),
            document.Active is { } active ? ReleaseFigures.Of(answers.Values, active.Deployment) : ReleaseFigures.None);
    }

    private static DeliveryException Failed(Attempt attempt, double share, string reason) => new(
        ExitCode.Reverted,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{attempt.Service} {attempt.Release!.Version} was taken out of the traffic at {share} %: {reason}. {attempt.Before.Document?.Active?.Version} serves all of it again."));
}
