using System.Net;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>Two releases in the traffic, sticky clients, and the way past the document to a candidate.</summary>
public sealed class SplitTests(ConsulFixture consul) : IAsyncLifetime
{
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => scene = await TrafficScene.StartAsync(consul, "one", "two");

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Theory]
    [InlineData(10)]
    [InlineData(50)]
    public async Task Share_OfTenThousandRequests_IsMetWithinTwoPoints(int share)
    {
        await SplitAsync(share);

        var two = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 10_000), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct }, async (_, _) =>
        {
            if (await scene.WhoAsync() == "two")
                Interlocked.Increment(ref two);
        });

        Assert.InRange(two / 100.0, share - 2, share + 2);
    }

    [Fact]
    public async Task AClient_KeepsItsSide_AndOnlyEverMovesToTheNewRelease()
    {
        await SplitAsync(10);
        var clients = new List<(string Cookie, List<string> Seen)>();
        for (var n = 0; n < 60; n++)
        {
            using var answer = await scene.GetAsync();
            clients.Add((Cookie(answer), [Who(await answer.Content.ReadAsStringAsync(Ct))]));
        }

        foreach (var share in new[] { 10, 50, 50, 100 })
        {
            await SplitAsync(share);
            foreach (var (cookie, seen) in clients)
                seen.Add(await scene.WhoAsync(("Cookie", cookie)));
        }

        Assert.All(clients, client =>
        {
            var (first, again, half, halfAgain, all) = (client.Seen[0], client.Seen[1], client.Seen[2], client.Seen[3], client.Seen[4]);
            Assert.Equal(first, again);
            Assert.Equal(half, halfAgain);
            Assert.True(first == "one" || half == "two", string.Join(' ', client.Seen));
            Assert.Equal("two", all);
        });
        Assert.Contains(clients, client => client.Seen[2] == "one");
        Assert.Contains(clients, client => client.Seen[2] == "two");
    }

    [Fact]
    public async Task ASplitWhoseOnlyInstanceIsGone_HasItsRequestsAnsweredByTheActiveRelease()
    {
        await SplitAsync(100);
        Assert.Equal("two", await scene.WhoAsync());

        await scene.Backend("two").DisposeAsync();

        foreach (var _ in Enumerable.Range(0, 8))
            Assert.Equal("one", await scene.WhoAsync());
        // And each failure is the split's: a canary's verdict must see it.
        var account = await scene.Proxy.ServiceAsync(scene.Service.Name);
        Assert.Equal(8, account.GetProperty("releases")[1].GetProperty("counters").GetProperty("errors").GetInt64());
    }

    [Fact]
    public async Task AForgedCookie_ChoosesNothing_AndIsReplaced()
    {
        await SplitAsync(50);
        using var first = await scene.GetAsync();
        var cookie = Cookie(first);
        var forged = cookie[..^1] + (cookie[^1] == 'A' ? 'B' : 'A');

        using var answer = await scene.GetAsync("/", ("Cookie", forged));

        Assert.True(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task HeaderAndCookie_ChooseTheSplit_WhateverTheShare()
    {
        await scene.ChangeAsync(document => document with
        {
            Split = new Split(TrafficScene.Release("two"), 0, new SplitMatch("X-Canary", "yes"), new SplitMatch("canary", "on")),
        });

        Assert.Equal("one", await scene.WhoAsync());
        Assert.Equal("two", await scene.WhoAsync(("X-Canary", "yes")));
        Assert.Equal("one", await scene.WhoAsync(("X-Canary", "no")));
        Assert.Equal("two", await scene.WhoAsync(("Cookie", "a=b; canary=on")));
        Assert.Equal("one", await scene.WhoAsync(("Cookie", "canary=off")));
    }

    [Fact]
    public async Task AStickyService_SendsAClientToItsInstance_UntilThatIsGone()
    {
        await scene.ChangeAsync(document => document with
        {
            Split = new Split(TrafficScene.Release("two"), 50),
            Traffic = document.Traffic with { Sticky = true },
        });
        using var first = await scene.GetAsync();
        var (cookie, who) = (Cookie(first), Who(await first.Content.ReadAsStringAsync(Ct)));

        for (var n = 0; n < 20; n++)
            Assert.Equal(who, await scene.WhoAsync(("Cookie", cookie)));
        using (var again = await scene.GetAsync("/", ("Cookie", cookie)))
            Assert.False(again.Headers.Contains("Set-Cookie"), "a client that is known needs no new cookie");

        await scene.ChangeAsync(document => (who == "one" ? document.Promote(TrafficScene.Release("two")) : document with { Split = null }) with
        {
            Traffic = document.Traffic,
        });
        using var moved = await scene.GetAsync("/", ("Cookie", cookie));
        Assert.NotEqual(who, Who(await moved.Content.ReadAsStringAsync(Ct)));
        Assert.True(moved.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task AStickyService_WhoseInstanceGivesNoAnswer_GivesNoCookieForIt()
    {
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        await scene.Backend("one").DisposeAsync();

        using var answer = await scene.GetAsync();

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task ARouteThatChangesSetCookie_LeavesTheProxysOwn()
    {
        HeaderChanges[] changes =
        [
            new HeaderChanges { Remove = ["Set-Cookie"] },
            new HeaderChanges { Set = new Dictionary<string, string>(StringComparer.Ordinal) { ["Set-Cookie"] = "theirs=1" } },
        ];
        foreach (var change in changes)
        {
            await scene.ChangeAsync(document => document with
            {
                Split = new Split(TrafficScene.Release("two"), 50),
                Routes = [document.Routes[0] with { ResponseHeaders = change }],
            });

            using var answer = await scene.GetAsync();

            Assert.Single(answer.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith($"mesh-{scene.Service.Name}=", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Weights_AsConsulHasThem_DecideTheShares()
    {
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Balance = Policy.Balance.RoundRobin } });
        await scene.Service.AddInstanceAsync("heavy", scene.Backend("two").Port, deployment: "one", weight: 3);
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Any(instance =>
            instance.GetProperty("inTraffic").GetBoolean() && instance.GetProperty("weight").GetDouble() == 3));

        List<string> answers = [];
        for (var n = 0; n < 40; n++)
            answers.Add(await scene.WhoAsync());

        Assert.Equal(30, answers.Count(who => who == "two"));
    }

    [Fact]
    public async Task ACandidate_IsReached_OnlyWithASignedPass()
    {
        var pass = await scene.PassAsync("two");

        Assert.Equal("two", await scene.WhoAsync(pass));
        Assert.Equal("one", await scene.WhoAsync());
        using var names = await scene.GetAsync("/names", pass, ("X-Kept", "1"));
        var sent = (await names.Content.ReadAsStringAsync(Ct)).Split('\n');
        Assert.Contains("X-Kept", sent, StringComparer.OrdinalIgnoreCase);
        Assert.DoesNotContain(CandidatePass.Header, sent, StringComparer.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(pass.Value[..^2]));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync("two"));
    }

    private async Task<HttpStatusCode> StatusAsync(string pass)
    {
        using var answer = await scene.GetAsync("/", (CandidatePass.Header, pass));
        return answer.StatusCode;
    }

    private Task SplitAsync(int share) => scene.ChangeAsync(document => document with { Split = new Split(TrafficScene.Release("two"), share) });

    private static string Who(string answer) => answer.Split(' ')[0];

    private static string Cookie(HttpResponseMessage answer) => answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
}
