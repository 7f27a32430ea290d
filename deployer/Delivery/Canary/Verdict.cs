using System.Globalization;
using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>What the figures of a step say.</summary>
internal enum VerdictKind
{
    /// <summary>The candidate does as well as the active release.</summary>
    Pass,

    /// <summary>It does worse than it may.</summary>
    Fail,

    /// <summary>Too few requests to say so, or not all of them are known.</summary>
    Inconclusive,
}

/// <summary>A step's verdict and why, as <c>observed … against …</c>. Pure.</summary>
internal sealed record Verdict(VerdictKind Kind, string Reason)
{
    /// <summary>Whether it is for its errors that the release fails.</summary>
    public bool IsErrors { get; private init; }

    // A candidate may be slower by so little, whatever the ratio: below it the network and the clock speak.
    private static readonly TimeSpan Negligible = TimeSpan.FromMilliseconds(5);

    /// <summary>Judges a candidate beside the active release over the same time.</summary>
    public static Verdict Of(ObservationPolicy policy, ReleaseFigures candidate, ReleaseFigures active)
    {
        if (candidate.Requests < policy.Minimum)
            return TooFew(policy, candidate, "candidate");

        var limit = active.ErrorShare + policy.ErrorShare;
        var errors = $"observed {Percent(candidate.ErrorShare)} errors of {candidate.Requests} requests against {Percent(active.ErrorShare)} of the active release's {active.Requests}";
        if (candidate.ErrorShare > limit)
            return new Verdict(VerdictKind.Fail, $"{errors}, more than {Percent(policy.ErrorShare)} apart") { IsErrors = true };

        // Without requests to the active release there is nothing that its speed could be compared with.
        if (active.Requests < policy.Minimum)
            return TooFew(policy, active, "active release");
        var (slow, usual) = (candidate.P99 ?? TimeSpan.Zero, active.P99 ?? TimeSpan.Zero);
        var speed = $"observed p99 {Milliseconds(slow)} against {Milliseconds(usual)} of the active release";
        return policy.P99Ratio is { } ratio && slow > (usual * ratio) + Negligible
            ? new Verdict(VerdictKind.Fail, string.Create(CultureInfo.InvariantCulture, $"{speed}, more than {ratio} times as long"))
            : new Verdict(VerdictKind.Pass, $"{errors}; {speed}");
    }

    /// <summary>The same where there are <paramref name="silent"/> proxies: what the candidate's requests through them came to nobody knows, so only a failure stands.</summary>
    public Verdict Without(IReadOnlyList<string> silent) => Kind == VerdictKind.Fail || silent.Count == 0
        ? this
        : new Verdict(VerdictKind.Inconclusive, $"{string.Join("; ", silent)}, so the candidate's figures are not whole");

    /// <summary>Judges a release after its promotion by a limit of its own.</summary>
    public static Verdict Of(WatchPolicy policy, ReleaseFigures release)
    {
        var observed = $"observed {Percent(release.ErrorShare)} errors of {release.Requests} requests against a limit of {Percent(policy.ErrorShare)}";
        return release.Requests < policy.Minimum
            ? new Verdict(VerdictKind.Inconclusive, $"observed {release.Requests} requests against a minimum of {policy.Minimum}")
            : new Verdict(release.ErrorShare > policy.ErrorShare ? VerdictKind.Fail : VerdictKind.Pass, observed);
    }

    private static Verdict TooFew(ObservationPolicy policy, ReleaseFigures release, string what) => new(
        VerdictKind.Inconclusive,
        $"observed {release.Requests} requests of the {what} against a minimum of {policy.Minimum}{(policy.Synthetic is null ? " (give a smaller one, or a path in 'synthetic' that the deployer asks itself)" : "")}");

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %");

    private static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.#} ms");
}
