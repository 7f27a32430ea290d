using ServiceMesh.Deployer.Delivery.Canary;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Measures;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class VerdictTests
{
    private static readonly CanaryPolicy Policy = new() { Minimum = 100, ErrorShare = 0.01, P99Ratio = 1.5 };

    [Theory]
    [InlineData(1000, 0, 50, 1000, 0, 50, "Pass", "observed 0 % errors of 1000 requests against 0 % of the active release's 1000; observed p99")]
    [InlineData(1000, 10, 50, 1000, 0, 50, "Pass", "observed 1 % errors")]
    [InlineData(1000, 11, 50, 1000, 0, 50, "Fail", "observed 1.1 % errors of 1000 requests against 0 % of the active release's 1000, more than 1 % apart")]
    [InlineData(1000, 55, 50, 1000, 50, 50, "Pass", "observed 5.5 % errors")]
    [InlineData(1000, 0, 200, 1000, 0, 50, "Fail", "of the active release, more than 1.5 times as long")]
    [InlineData(1000, 0, 4, 1000, 0, 1, "Pass", "observed 0 % errors")]
    [InlineData(99, 99, 50, 1000, 0, 50, "Inconclusive", "observed 99 requests of the candidate against a minimum of 100")]
    [InlineData(1000, 0, 50, 10, 0, 50, "Inconclusive", "observed 10 requests of the active release against a minimum of 100")]
    [InlineData(1000, 500, 50, 0, 0, 50, "Fail", "observed 50 % errors of 1000 requests against 0 % of the active release's 0")]
    public void Of_TwoReleases_IsSaidWithWhatWasObserved(
        int requests, int errors, int milliseconds, int activeRequests, int activeErrors, int activeMilliseconds, string kind, string reason)
    {
        var verdict = Verdict.Of(Policy, Figures(requests, errors, milliseconds), Figures(activeRequests, activeErrors, activeMilliseconds));

        Assert.Equal(kind, verdict.Kind.ToString());
        Assert.Equal(reason.EndsWith(" apart", StringComparison.Ordinal) || errors == 500, verdict.IsErrors);
        Assert.Contains(reason, verdict.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_APolicyWithoutARatio_JudgesTheErrorsAlone()
    {
        var rolling = new RollingPolicy { Minimum = 100, ErrorShare = 0.01 };

        Assert.Equal(VerdictKind.Pass, Verdict.Of(rolling, Figures(100, 0, 5000), Figures(100, 0, 1)).Kind);
        Assert.Equal(VerdictKind.Fail, Verdict.Of(rolling, Figures(100, 2, 1), Figures(100, 0, 1)).Kind);
        Assert.Equal(VerdictKind.Inconclusive, Verdict.Of(rolling, Figures(100, 0, 1), Figures(99, 0, 1)).Kind);
    }

    // What they passed on may have failed, whatever the others say.
    [Theory]
    [InlineData(0, "", "Pass", "observed 0 % errors")]
    [InlineData(0, "p2 does not answer", "Inconclusive", "p2 does not answer, so the candidate's figures are not whole")]
    [InlineData(0, "p2 does not answer|p3 does not answer", "Inconclusive", "p2 does not answer; p3 does not answer, so the candidate's figures are not whole")]
    [InlineData(50, "p2 does not answer", "Fail", "more than 1 % apart")]
    public void Without_ProxiesThatAreSilent_OnlyAFailureStands(int errors, string silent, string kind, string reason)
    {
        var verdict = Verdict.Of(Policy, Figures(1000, errors, 50), Figures(1000, 0, 50)).Without(silent.Split('|', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(kind, verdict.Kind.ToString());
        Assert.Contains(reason, verdict.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, 270)]
    [InlineData(50, 150)]
    [InlineData(98, 6)]
    [InlineData(99.99, 1)]
    public void PauseOf_ALargerShare_AsksMoreOftenBecauseFewerReachTheActiveRelease(double share, int milliseconds) =>
        Assert.Equal(milliseconds, Math.Round(SyntheticLoad.PauseOf(new RollingPolicy { Bake = TimeSpan.FromMinutes(1), Minimum = 100 }, share).TotalMilliseconds));

    [Theory]
    [InlineData(20, 0, "Pass")]
    [InlineData(20, 1, "Pass")]
    [InlineData(20, 2, "Fail")]
    [InlineData(19, 19, "Inconclusive")]
    public void Of_AWatchedRelease_IsJudgedByItsOwnLimit(int requests, int errors, string kind) =>
        Assert.Equal(kind, Verdict.Of(new WatchPolicy { ErrorShare = 0.05, Minimum = 20 }, Figures(requests, errors, 1)).Kind.ToString());

    private static ReleaseFigures Figures(int requests, int errors, int milliseconds)
    {
        var durations = new long[DurationScale.Buckets];
        durations[DurationScale.BucketOf(TimeSpan.FromMilliseconds(milliseconds))] = requests;
        return new ReleaseFigures(requests, errors, durations);
    }
}
