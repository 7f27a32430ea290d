using System.Globalization;
using System.Security.Cryptography;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>Observes a release that has a share of the traffic beside the active one, by the figures of all proxies.</summary>
internal sealed class ShareObservation(Mesh mesh, ObservationPolicy policy)
{
    private const string SyntheticHeader = "Mesh-Synthetic";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// What leads the deployer's own requests to the candidate, for the split; <c>null</c> where it has none. Not to be guessed:
    /// nobody but this deployer is to send itself there by it.
    /// </summary>
    public SplitMatch? Header { get; } =
        policy.Synthetic is null ? null : new SplitMatch(SyntheticHeader, RandomNumberGenerator.GetHexString(32, lowercase: true));

    /// <summary>Observes the split that <paramref name="document"/> has, which all proxies follow.</summary>
    /// <param name="attempt">The attempt whose release it is.</param>
    /// <param name="document">The document.</param>
    /// <param name="started">The release's containers: where one ends, its requests go to others, and no figure tells.</param>
    /// <returns>What speaks for the release.</returns>
    /// <exception cref="DeliveryException">It does badly, or nobody can say; the split is still in place.</exception>
    public async Task<string> JudgeAsync(Attempt attempt, ServiceDocument document, ReadinessTarget started)
    {
        var verdict = await Readiness.WhileAllRunAsync(started, ct => VerdictAsync(attempt, document, ct), mesh.Warn, attempt.Token);
        if (verdict.Kind == VerdictKind.Pass)
            return verdict.Reason;
        // Before it is taken out, for its containers go then. Not interrupted, for the verdict stands; it is short by itself.
        var tail = await started.TailAsync(CancellationToken.None);
        throw verdict.Kind switch
        {
            VerdictKind.Fail => Failed(attempt, document, verdict.Reason, tail),
            _ => Failed(attempt, document, $"inconclusive: {verdict.Reason}", tail),
        };
    }

    /// <summary>What a delivery ends with whose release is taken out of its share of the traffic.</summary>
    public static DeliveryException Failed(Attempt attempt, ServiceDocument document, string reason, IReadOnlyList<string>? tail = null) => new(
        ExitCode.Reverted, ReversionSentence.AtShare(attempt.Service, attempt.Release!.Version, document.Split!.Share, reason, document.Active!.Version))
    {
        Reason = string.Create(CultureInfo.InvariantCulture, $"{attempt.Service} {attempt.Release.Version} failed at {document.Split.Share} %: {reason}"),
        LogTail = tail ?? [],
    };

    // Of a container that ends the figures may tell before Docker does: its end is the reason then, so Docker has a moment to tell it.
    private async Task<Verdict> VerdictAsync(Attempt attempt, ServiceDocument document, CancellationToken ct)
    {
        var verdict = await BakeAsync(attempt, document, ct);
        if (verdict is { Kind: VerdictKind.Fail, IsErrors: true })
            await Task.Delay(Pause, mesh.Time, ct);
        return verdict;
    }

    // Too many errors end it at once. All else is judged at the end: a release that was just started is slow for a moment, and a
    // proxy that is silent for one is caught up with.
    private async Task<Verdict> BakeAsync(Attempt attempt, ServiceDocument document, CancellationToken ct)
    {
        var began = mesh.Time.GetTimestamp();
        var time = new BakeTime(policy.Bake);
        var (candidate, active) = (new ObservedFigures(document.Split!.Release.Deployment), new ObservedFigures(document.Active?.Deployment));
        var figures = new ProxyFigures(mesh, attempt.Service);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var synthetic = Header is null
            ? Task.CompletedTask
            : new SyntheticLoad(mesh, policy, document, Header).RunAsync(over.Token);
        try
        {
            while (true)
            {
                var now = mesh.Time.GetElapsedTime(began);
                var seen = await figures.LookAsync(ct);
                (candidate, active, time) = (candidate.See(seen), active.See(seen), time.See(now, seen));
                var verdict = Verdict.Of(policy, candidate.Sum, active.Sum).Without(time.Silent);
                if (verdict is { Kind: VerdictKind.Fail, IsErrors: true } || time.IsOver)
                    return verdict;
                await Task.Delay(Pause, mesh.Time, ct);
            }
        }
        finally
        {
            await over.CancelAsync();
            await EndAsync(synthetic);
        }
    }

    private static async Task EndAsync(Task cancelled)
    {
        try
        {
            await cancelled;
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }
}
