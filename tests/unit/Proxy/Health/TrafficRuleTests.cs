using CsCheck;
using ServiceMesh.Proxy.Health;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Health;

/// <summary>
/// A release is written as a line, a word an instance: <c>+</c> for one that Consul calls healthy, <c>!</c> for one that it
/// does not; then <c>?</c> not probed, <c>g</c> good, <c>f</c> failed; <c>e</c> for ejected; <c>*</c> for in the traffic before.
/// </summary>
public sealed class TrafficRuleTests
{
    private static readonly Gen<Standing> Standings = Gen.Select(
        Gen.Bool, Gen.Enum<Admission>(), Gen.Bool, Gen.Bool, (healthy, admission, ejected, was) => new Standing(healthy, admission, ejected, was));

    [Theory]
    [InlineData("one that is good", "+g", "y")]
    [InlineData("a new one beside a good one waits for its probe", "+g* +?", "yn")]
    [InlineData("new ones alone: rather than none", "+? +?", "yy")]
    [InlineData("Consul's word goes before a good probe", "!g* +g", "ny")]
    [InlineData("Consul's word goes before a failed probe", "!g* +f*", "ny")]
    [InlineData("a healthy one that was not probed, none else", "!g* +?", "ny")]
    [InlineData("all unhealthy: the last known ones", "!g !g* !f*", "nyn")]
    [InlineData("all unhealthy and none was in the traffic", "!? !?", "yy")]
    [InlineData("a failed probe is out", "+f* +g*", "ny")]
    [InlineData("all probes failed: the last known ones", "+f* +f* +?", "yyn")]
    [InlineData("an ejected one is out", "+ge* +g* +g*", "nyy")]
    [InlineData("never more than half by ejection", "+ge* +ge* +ge*", "nyy")]
    [InlineData("the only one is never ejected", "+ge*", "y")]
    [InlineData("who is out stays out, others' ejections do not call it back", "+ge* +ge", "yn")]
    [InlineData("half is counted of those that could serve", "+ge* +g* !g !g", "nynn")]
    [InlineData("nobody at all", "", "")]
    public void InTraffic_ARelease_IsRuledInOrder(string why, string release, string expected)
    {
        Standing[] standings = [.. release.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Read)];

        var inTraffic = string.Concat(TrafficRule.InTraffic(standings).Select(isIn => isIn ? 'y' : 'n'));

        Assert.True(expected == inTraffic, $"{why}: {inTraffic}");
    }

    [Fact]
    public void InTraffic_AnyRelease_HasSomebodyAndEjectsHalfAtMost() => Standings.Array[1, 8].Sample(release =>
    {
        var inTraffic = TrafficRule.InTraffic(release);
        var withoutEjections = TrafficRule.InTraffic([.. release.Select(standing => standing with { IsEjected = false })]);

        Assert.Contains(true, inTraffic);
        Assert.True(inTraffic.Count(isIn => isIn) * 2 >= withoutEjections.Count(isIn => isIn));
        Assert.All(inTraffic.Zip(withoutEjections), pair => Assert.True(pair.Second || !pair.First));
    });

    [Fact]
    public void InTraffic_ToldAgainWithItsOwnResult_IsTheSame() => Standings.Array[1, 8].Sample(release =>
    {
        var first = TrafficRule.InTraffic(release);
        Standing[] next = [.. release.Select((standing, n) => standing with { WasInTraffic = first[n] })];

        var second = TrafficRule.InTraffic(next);

        Assert.Equal(TrafficRule.InTraffic([.. next.Select((standing, n) => standing with { WasInTraffic = second[n] })]), second);
    }, iter: 20_000);

    private static Standing Read(string word) => new(
        word[0] == '+',
        word[1] switch { 'g' => Admission.Admitted, 'f' => Admission.Failed, _ => Admission.Pending },
        word.Contains('e'),
        word.Contains('*'));
}
