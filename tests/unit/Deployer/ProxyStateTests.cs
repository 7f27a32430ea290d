using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ProxyStateTests
{
    private static readonly Instance One = new("p1", "n", "proxy", "10.0.0.9", 8000, "p1", "", "passing");
    private static readonly Instance Two = One with { Id = "p2", Port = 8001 };

    [Fact]
    public void Behind_ProxiesOfEveryKind_NamesThoseThatDoNotFollow()
    {
        var dead = One with { Id = "p4", Health = "critical" };
        var answers = new Dictionary<Instance, ProxyAnswer?>
        {
            [One] = new ProxyAnswer(7, null, []),
            [Two] = new ProxyAnswer(6, null, []),
            [One with { Id = "p3" }] = new ProxyAnswer(6, "not a service document", []),
            [dead] = null,
            [Two with { Id = "p5" }] = null,
        };

        Assert.Equal(
            [
                "proxy p2 at http://10.0.0.9:8001 is still at index 6 instead of 7",
                "proxy p3 at http://10.0.0.9:8000 set the document aside: not a service document",
                "proxy p5 at http://10.0.0.9:8001 does not answer",
            ],
            ProxyState.Behind(answers, 7));
    }

    // They may only be out of the deployer's and of Consul's reach, and serve on.
    [Fact]
    public void Behind_AllAreSilent_NamesThoseThatConsulCallsUnhealthyToo()
    {
        var answers = new Dictionary<Instance, ProxyAnswer?> { [One with { Health = "critical" }] = null };

        Assert.Equal(["proxy p1 at http://10.0.0.9:8000 does not answer"], ProxyState.Behind(answers, 7));
    }

    // One that left Consul is not among them.
    [Theory]
    [InlineData("passing 7 0, passing 6 0", 0)]
    [InlineData("passing 7 0, passing silent", 1)]
    [InlineData("passing 7 0, warning silent", 1)]
    [InlineData("passing 7 0, critical silent", 0)]
    [InlineData("critical silent, critical silent", 2)]
    [InlineData("", 0)]
    public void Silent_ProxiesThatServeAndDoNotTell_AreNamed(string proxies, int silent)
    {
        var told = ProxyState.Silent(Answers(proxies));

        Assert.Equal(silent, told.Count);
        Assert.All(told, sentence => Assert.EndsWith(" does not answer", sentence, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("passing 7 0, passing 6 0", "1 of 2 follow index 7")]
    [InlineData("passing 7 0, critical silent", "1 of 2 follow index 7, 1 silent")]
    [InlineData("critical silent", "0 of 1 follow index 7, 1 silent")]
    public void Following_ASilentProxy_CountsAsSilent(string proxies, string told) => Assert.Equal(told, ProxyState.Following(Answers(proxies), 7));

    [Fact]
    public void Faults_AProxyThatFollowsInPart_IsNamedWithItsReason()
    {
        var answers = new Dictionary<Instance, ProxyAnswer?>
        {
            [One] = new ProxyAnswer(7, "the route /demo is shop's", []),
            [Two] = new ProxyAnswer(6, "not a service document", []),
            [Two with { Id = "p3" }] = new ProxyAnswer(7, null, []),
            [Two with { Id = "p4" }] = null,
        };

        Assert.Equal(["proxy p1 at http://10.0.0.9:8000 follows, but: the route /demo is shop's"], ProxyState.Faults(answers, 7));
    }

    [Theory]
    [InlineData("passing 7 0", "nothing in flight any more")]
    [InlineData("passing 7 0, passing 9 0", "nothing in flight any more")]
    [InlineData("passing 7 0, critical silent", "nothing in flight any more")]
    [InlineData("passing 7 0, critical 7 1", "1 still in flight after 1m")]
    [InlineData("passing 7 0, critical 6 0", "1 of 2 proxies did not say what is in flight, so it had 1m")]
    [InlineData("passing 7 1", "1 still in flight after 1m")]
    [InlineData("passing 7 0, passing 7 1", "1 still in flight after 1m")]
    [InlineData("passing 7 1, passing silent", "1 still in flight after 1m")]
    [InlineData("passing 7 0, passing silent", "1 of 2 proxies did not say what is in flight, so it had 1m")]
    [InlineData("passing 7 0, passing 6 0", "1 of 2 proxies did not say what is in flight, so it had 1m")]
    [InlineData("passing 7 0 new", "nothing in flight any more")]
    [InlineData("passing 7 0 new, passing 9 0 old", "a proxy still sends requests there after 1m")]
    [InlineData("passing 7 0 new, passing 9 2 old,new", "2 still in flight after 1m")]
    [InlineData("passing silent", "1 of 1 proxies did not say what is in flight, so it had 1m")]
    [InlineData("critical silent", "1 of 1 proxies did not say what is in flight, so it had 1m")]
    [InlineData("", "there is no proxy that could be asked what is in flight, so it had 1m")]
    public void IsDrained_OnlyIfEveryProxyThatMayServeSaysSo(string proxies, string told)
    {
        var answers = Answers(proxies);

        Assert.Equal(told.StartsWith("nothing", StringComparison.Ordinal), ProxyState.IsDrained(answers, 7, new HashSet<string> { "old" }));
        Assert.Equal(told, ProxyState.Drained(answers, 7, new HashSet<string> { "old" }, TimeSpan.FromMinutes(1)));
    }

    // First how the proxies were when they served. One that is told to end is registered no more, or ill, and finishes what it has.
    [Theory]
    [InlineData("passing", "passing", "passing")]
    [InlineData("passing, passing", "passing", "passing, passing")]
    [InlineData("passing, critical", "passing", "passing, passing")]
    [InlineData("passing, passing", "passing, critical", "passing, passing")]
    [InlineData("passing", "", "passing")]
    [InlineData("passing", "passing, critical", "passing, critical")]
    [InlineData("", "passing", "passing")]
    [InlineData("", "", "")]
    public void WithGone_AProxyThatServedAndIsGoneOrIllSince_IsAskedAndIsNotIll(string served, string registered, string asked) =>
        Assert.Equal(Answers(asked).Keys, ProxyState.WithGone([.. Answers(registered).Keys], Answers(served).Keys));

    // After a restart in its place, or when one has taken over from it, whose answer is for both.
    [Fact]
    public void WithGone_AnotherIsRegisteredAtItsAddress_IsNotGone() =>
        Assert.Equal([One], ProxyState.WithGone([One], [One with { Id = "before" }]));

    [Fact]
    public void InFlight_OverAllProxies_CountsOnlyTheGivenDeployments()
    {
        ProxiedInstance[] instances = [new("i1", "old", 3), new("i2", "old", 1), new("i3", "new", 50), new("i4", "candidate", 2)];
        var answers = new Dictionary<Instance, ProxyAnswer?>
        {
            [One] = new ProxyAnswer(7, null, instances),
            [Two] = new ProxyAnswer(7, null, [new ProxiedInstance("i1", "old", 2)]),
            [One with { Id = "p3" }] = new ProxyAnswer(7, null, null),
            [One with { Id = "p4" }] = null,
        };

        Assert.Equal(6, ProxyState.InFlight(answers, new HashSet<string> { "old" }));
    }

    [Theory]
    [InlineData("/demo", null, "the route /demo already leads to the service 'shop'; choose another route")]
    [InlineData("/", "x.example.org", "the route x.example.org/ already leads to the service 'shop'; choose another route")]
    [InlineData("/other", null, null)]
    [InlineData("/demo", "y.example.org", null)]
    public void Conflict_ARouteOfAnotherService_IsNamed(string path, string? host, string? sentence)
    {
        var shop = ServiceDocument.Create("shop", [new Route(null, "/demo", false), new Route("x.example.org", "/", false)]);
        var documents = ServiceMesh.Store.DocumentSet.Of(
        [
            new("shop", shop, 1, null),
            new("demo", ServiceDocument.Create("demo", [new Route(null, "/other", false)]), 1, null),
            new("broken", null, 0, "not JSON"),
        ]);

        Assert.Equal(sentence, RouteClaims.Conflict("demo", [new Route(host, path, false)], documents));
    }

    // The strip alone, or another order, takes nothing from anybody.
    [Theory]
    [InlineData("/a /b", "")]
    [InlineData("/b /a", "")]
    [InlineData("/a", "")]
    [InlineData("/a /c", "/c")]
    public void New_OfTheRoutesOfARelease_AreThoseThatTheServiceDidNotHave(string routes, string taken)
    {
        Route[] after = [.. routes.Split(' ').Select(path => new Route(null, path, StripPath: true))];
        var before = ServiceDocument.Create("demo", [new Route(null, "/a", StripPath: false), new Route(null, "/b", StripPath: false)]);

        Assert.Equal(taken, string.Join(' ', RouteClaims.New(after, before).Select(route => route.Path)));
        Assert.Equal(after, RouteClaims.New(after, before: null));
        Assert.Single(RouteClaims.New([new Route("x.example.org", "/a", StripPath: false)], before));
    }

    // Of each its health, the index that it serves by, what is in flight on the old release there, and where it says so its releases.
    private static Dictionary<Instance, ProxyAnswer?> Answers(string proxies) =>
        proxies.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select((text, i) => (Words: text.Split(' '), i)).ToDictionary(
            proxy => One with { Id = $"p{proxy.i}", Port = 8000 + proxy.i, Health = proxy.Words[0] },
            proxy => proxy.Words is [_, var index, var inFlight, .. var releases]
                ? new ProxyAnswer(
                    ulong.Parse(index), null, [new ProxiedInstance("i", "old", int.Parse(inFlight)), new ProxiedInstance("j", "new", 5)],
                    [.. releases.SelectMany(all => all.Split(',')).Select(deployment => new ProxiedRelease(deployment, new ProxiedCounters(0, 0, [])))])
                : null);
}
