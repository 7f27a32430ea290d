using System.Net;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>Requests that wait for a place, for the end of a pause, or not at all.</summary>
public sealed class WaitingTests(ConsulFixture consul) : IAsyncLifetime
{
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => scene = await TrafficScene.StartAsync(consul, "one");

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task Concurrency_BeyondThePlacesAndTheLine_Gets503WithRetryAfter()
    {
        await LimitAsync(new ConcurrencyLimit(PerInstance: 2, Queue: 1, Wait: TimeSpan.FromSeconds(30)));
        var held = await HeldAsync(2);
        // Of two more, one stands in the line and the other finds it full, whichever comes first.
        Task<HttpResponseMessage>[] more = [scene.GetAsync(), scene.GetAsync()];
        var first = await Task.WhenAny(more);
        var waiting = more.Single(request => request != first);
        using var refused = await first;

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        Assert.False(waiting.IsCompleted);

        scene.Backend("one").Release();
        using var answer = await waiting;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.All(await Task.WhenAll(held), done => Assert.Equal(HttpStatusCode.OK, done.StatusCode));
    }

    [Fact]
    public async Task Concurrency_NoPlaceInTime_Gets503()
    {
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: TimeSpan.FromMilliseconds(100)));
        var held = await HeldAsync(1);

        using var answer = await scene.GetAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        scene.Backend("one").Release();
        using var _ = await held[0];
    }

    [Fact]
    public async Task Concurrency_ManyRequests_NeverMoreThanTheLimit_AndAllAreAnswered()
    {
        await LimitAsync(new ConcurrencyLimit(PerInstance: 3, Queue: 200, Wait: TimeSpan.FromSeconds(30)));

        var answers = await Task.WhenAll(Enumerable.Range(0, 150).Select(_ => scene.GetAsync("/slow")));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(3, scene.Backend("one").MostAtOnce);
    }

    [Fact]
    public async Task Pause_HoldsRequests_UntilTheServiceGoesOn()
    {
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
        var held = Enumerable.Range(0, 5).Select(_ => scene.GetAsync()).ToArray();
        await scene.AddAsync("two");

        // Another change meanwhile lets nobody through.
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        Assert.All(held, request => Assert.False(request.IsCompleted));
        await scene.ChangeAsync(document => document with { Pause = null });

        Assert.All(await Task.WhenAll(held), answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
    }

    [Fact]
    public async Task Pause_LongerThanItsLimit_Gets504()
    {
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMilliseconds(50)) });

        using var answer = await scene.GetAsync();

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
    }

    [Fact]
    public async Task Maintenance_Gets503WithItsMessage_AndEndsWithIt()
    {
        await scene.ChangeAsync(document => document with
        {
            Maintenance = new Maintenance(TimeProvider.System.GetUtcNow(), "Back at noon.", TimeSpan.FromMinutes(10)),
        });

        using (var answer = await scene.GetAsync())
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal(TimeSpan.FromMinutes(10), answer.Headers.RetryAfter?.Delta);
            Assert.Contains("Back at noon.", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }

        await scene.ChangeAsync(document => document with { Maintenance = null });
        Assert.Equal("one", await scene.WhoAsync());
    }

    private async Task<Task<HttpResponseMessage>[]> HeldAsync(int count)
    {
        var held = Enumerable.Range(0, count).Select(_ => scene.GetAsync("/held")).ToArray();
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == count);
        return held;
    }

    private Task LimitAsync(ConcurrencyLimit limit) =>
        scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Concurrency = limit } });
}
