using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Delivery.Canary;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ObservedFiguresTests
{
    // What two proxies, parted by a bar, have counted of requests and errors at each look; one that says nothing is silent.
    [Theory]
    [InlineData("100/2|10/0", "100/2|10/0", 0, 0)]
    [InlineData("100/2|10/0", "130/5|20/1", 40, 4)]
    [InlineData("0/0|", "30/1|1000000/99", 30, 1)]
    [InlineData("0/0|", "5/0|1000/9;10/0|1010/10", 20, 1)]
    [InlineData("100/0|100/0", "|110/0;120/0|110/0", 30, 0)]
    [InlineData("100/0|0/0", "|10/0", 10, 0)]
    [InlineData("100/2|0/0", "5/1|0/0", 5, 1)]
    [InlineData("100/9|0/0", "110/1|0/0", 110, 1)]
    [InlineData("100/0|0/0", "150/40|0/0;3/0|0/0", 53, 40)]
    [InlineData("100/0|0/0", "150/40|0/0;3/0|0/0;200/2|0/0", 250, 42)]
    public void See_LookByLook_CountsWhatEachProxySawSinceItWasFirstSeen(string first, string later, int requests, int errors)
    {
        var observed = new ObservedFigures("one");
        foreach (var look in later.Split(';').Prepend(first))
            observed = observed.See(look.Split('|').Select((told, proxy) => (Proxy: Proxy($"node-{proxy}"), Answer: Answer(told))).ToDictionary(pair => pair.Proxy, pair => pair.Answer));

        Assert.Equal((requests, errors, requests), (observed.Sum.Requests, observed.Sum.Errors, observed.Sum.Durations.Sum()));
    }

    [Fact]
    public void See_AReleaseThatEntersTheTraffic_CountsFromItsFirstRequest()
    {
        var observed = new ObservedFigures("two").See(new Dictionary<Instance, ProxyAnswer?> { [Proxy("node")] = Answer("100/2") });

        Assert.Equal(0, observed.Sum.Requests);
        Assert.Equal(7, observed.See(new Dictionary<Instance, ProxyAnswer?> { [Proxy("node")] = Answer("7/0", "two") }).Sum.Requests);
    }

    // The same proxy is another record whenever its health differs.
    [Fact]
    public void See_AProxyWhoseHealthChanged_IsTheSame()
    {
        var observed = new ObservedFigures("one").See(new Dictionary<Instance, ProxyAnswer?> { [Proxy("node")] = Answer("100/2") });

        var later = observed.See(new Dictionary<Instance, ProxyAnswer?> { [Proxy("node") with { Health = "warning" }] = Answer("103/2") });

        Assert.Equal(3, later.Sum.Requests);
    }

    private static Instance Proxy(string node) => new("proxy", node, "proxy", "10.0.0.1", 8000, "proxy", "", "passing");

    private static ProxyAnswer? Answer(string told, string deployment = "one")
    {
        if (told.Length == 0)
            return null;
        var counts = Array.ConvertAll(told.Split('/'), int.Parse);
        return new ProxyAnswer(1, Fault: null, Instances: [], [new ProxiedRelease(deployment, new ProxiedCounters(counts[0], counts[1], [new ProxiedBucket(0.01, counts[0])]))]);
    }
}
