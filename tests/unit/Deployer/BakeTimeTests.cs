using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Delivery.Canary;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class BakeTimeTests
{
    // Looks of a bake of 10 s, each as its second and what becomes of each proxy: it tells (+), is silent (-), or silent and ill (x).
    [Theory]
    [InlineData("0++ 5++ 9++", false, "")]
    [InlineData("0++ 5-- 10++", true, "")]
    // What it counted before it told first is left out, so the others' figures would stand alone.
    [InlineData("0+- 5+- 10++", false, "")]
    [InlineData("0+- 5+- 10++ 19++", false, "")]
    [InlineData("0+- 5+- 10++ 20++", true, "")]
    [InlineData("0+- 14+-", false, "p1")]
    [InlineData("0+- 15+-", true, "p1")]
    [InlineData("0+- 2+x 12++", true, "")]
    [InlineData("0-- 15--", true, "p0 p1")]
    [InlineData("0xx 15xx", true, "p0 p1")]
    // Each misses a look now and then.
    [InlineData("0+- 1-+ 10++", false, "")]
    [InlineData("0+- 1-+ 11+-", false, "p1")]
    [InlineData("0++ 10+- 11-+", true, "")]
    [InlineData("0++ 10+- 11-x", true, "")]
    [InlineData("0++ 9+- 10+- 11+-", false, "p1")]
    [InlineData("0++ 9-+ 10+- 25+-", true, "p1")]
    [InlineData("0++ 10x- 25x-", true, "p0 p1")]
    [InlineData("0 10", true, "")]
    // One that came late has no bake before it, and tells with the others.
    [InlineData("0+ 10+-", false, "p1")]
    [InlineData("0+ 10+- 11-+", true, "")]
    public void See_LookByLook_IsOverWhenEachProxyHasToldBeforeAndAfterTheBake(string looks, bool isOver, string silent)
    {
        var time = new BakeTime(TimeSpan.FromSeconds(10));
        foreach (var look in looks.Split(' '))
        {
            Assert.False(time.IsOver, look);
            time = time.See(TimeSpan.FromSeconds(int.Parse(look.TrimEnd('+', '-', 'x'))), Answers(look.TrimStart("0123456789".ToCharArray())));
        }

        Assert.Equal(isOver, time.IsOver);
        Assert.Equal(silent.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => $"proxy {id} at http://10.0.0.1:8000 does not answer"), time.Silent);
    }

    private static Dictionary<Instance, ProxyAnswer?> Answers(string told) => told
        .Select((one, i) => (Proxy: new Instance($"p{i}", "node", "proxy", "10.0.0.1", 8000, "proxy", "", one == 'x' ? "critical" : "passing"), Tells: one == '+'))
        .ToDictionary(pair => pair.Proxy, pair => pair.Tells ? new ProxyAnswer(1, Fault: null, Instances: []) : null);
}
