using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Snapshots;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Health;

public sealed class ProbeTests
{
    private static readonly ProbePolicy Policy = new("/health", Failures: 3, Successes: 2);

    [Theory]
    [InlineData("good until three failures in a row", true, "xx.xxx", "yyyyyn")]
    [InlineData("back after two good ones in a row", false, ".x..", "nnny")]
    [InlineData("out again", false, "..xxx", "nyyyn")]
    public void Add_ProbesInARow_TurnTheWord(string why, bool isGood, string probes, string words)
    {
        var streak = new ProbeStreak(isGood);

        var said = string.Concat(probes.Select(probe =>
        {
            var before = streak.IsGood;
            Assert.Equal(streak.Add(probe == '.', Policy), before != streak.IsGood);
            return streak.IsGood ? 'y' : 'n';
        }));

        Assert.True(words == said, $"{why}: {said}");
    }

    [Theory]
    [InlineData("a new one, whatever its stage", Stage.Candidate, nameof(Admission.Pending), false, "admission")]
    [InlineData("a new one of a service with a policy", Stage.Active, nameof(Admission.Pending), true, "admission")]
    [InlineData("an active one by the policy", Stage.Active, nameof(Admission.Admitted), true, "watch")]
    [InlineData("one that failed by the policy", Stage.Active, nameof(Admission.Failed), true, "watch")]
    [InlineData("a candidate that answered once", Stage.Candidate, nameof(Admission.Admitted), true, "none")]
    [InlineData("an active one without a policy", Stage.Active, nameof(Admission.Admitted), false, "none")]
    [InlineData("one that failed by a policy that is gone", Stage.Active, nameof(Admission.Failed), false, "admission")]
    public void Of_AnInstance_SaysHowItIsProbed(string why, Stage stage, string admission, bool hasPolicy, string expected)
    {
        var instance = new Instance("a", "node", "demo", "10.0.0.9", 80, "one", "v", "passing");
        var member = new MemberModel(instance, stage, new MemberState(instance)) { Health = new MemberHealth(Enum.Parse<Admission>(admission)) };
        var document = ServiceDocument.Create("demo", []) with { Traffic = new TrafficPolicy { Probe = hasPolicy ? Policy : null } };

        var mode = ProbeMode.Of(member, document) switch { null => "none", { IsAdmission: true } => "admission", _ => "watch" };

        Assert.True(expected == mode, $"{why}: {mode}");
    }
}
