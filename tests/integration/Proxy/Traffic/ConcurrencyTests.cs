using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>Requests that wait for a place at an instance, or find none.</summary>
public sealed class ConcurrencyTests(ConsulFixture consul) : IAsyncLifetime
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
    public async Task Concurrency_AFullCanary_LetsItsOwnRequestsWaitAndNoOthers()
    {
        await scene.AddAsync("two");
        await scene.ChangeAsync(document => document with { Split = new Split(TrafficScene.Release("two"), 0, new SplitMatch("X-Canary", "yes")) });
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: TimeSpan.FromMinutes(1)));

        await WaitsAsync("two", ("X-Canary", "yes"));
    }

    [Fact]
    public async Task Concurrency_AFullCandidate_LetsThoseWithItsPassWaitAndNoOthers()
    {
        await scene.AddAsync("two");
        var pass = await scene.PassAsync("two");
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: TimeSpan.FromMinutes(1)));

        await WaitsAsync("two", pass);
    }

    [Fact]
    public async Task Concurrency_TheOtherInstanceIsDead_WaitsForTheOneThatIsFull()
    {
        await AddFirstAsync("1");
        await scene.Backend("1").DisposeAsync();
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: TimeSpan.FromMinutes(1)));
        var held = scene.GetAsync("/held");
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Any(instance =>
            instance.GetProperty("id").GetString()!.EndsWith("-one", StringComparison.Ordinal) && instance.GetProperty("inFlight").GetInt32() == 1));

        var before = await RetriesAsync();
        var waiting = scene.GetAsync();
        await StandsStillAsync(1);
        Assert.Equal(before, await RetriesAsync());

        scene.Backend("one").Release();
        using var answer = await waiting;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(before + 1, await RetriesAsync());
        using var _ = await held;
    }

    [Fact]
    public async Task Concurrency_WhoeverWaitsForAnotherInstance_KeepsNobodyFromTheOneThatIsFree()
    {
        await AddFirstAsync("1");
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 1, Wait: TimeSpan.FromMinutes(1)));
        Task<HttpResponseMessage>[] held = [scene.GetAsync("/held"), scene.GetAsync("/held")];
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Count(instance => instance.GetProperty("inFlight").GetInt32() == 1) == 2);
        scene.Backend("1").Release();
        using var released = await await Task.WhenAny(held);

        var refusedByTheFree = scene.GetAsync("/status/503");
        await StandsStillAsync(1);

        Assert.Equal("1", await scene.WhoAsync());
        scene.Backend("one").Release();
        using var last = await refusedByTheFree;
        Assert.Equal("one", await last.Content.ReadAsStringAsync(Ct));
        foreach (var one in held)
            (await one).Dispose();
    }

    [Fact]
    public async Task Concurrency_AClientThatLeavesTheLine_IsForgotten()
    {
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: TimeSpan.FromMinutes(1)));
        var held = await HeldAsync(1);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var waiting = scene.Proxy.Http.GetAsync($"/{scene.Service.Name}/", gone.Token);
        await StandsStillAsync(1);

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await StandsStillAsync(0);
        scene.Backend("one").Release();
        using var _ = await held[0];
    }

    [Fact]
    public async Task Pause_LongerThanTheWaitForAPlace_IsNotCountedAsPartOfIt()
    {
        var wait = TimeSpan.FromSeconds(6);
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 10, Wait: wait));
        var held = await HeldAsync(1);
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
        var since = TimeProvider.System.GetTimestamp();
        var paused = scene.GetAsync();
        await Until.TrueAsync(() => Task.FromResult(TimeProvider.System.GetElapsedTime(since) > wait));

        await scene.ChangeAsync(document => document with { Pause = null });
        await Until.TrueAsync(async () => paused.IsCompleted || await WaitingAsync() == 1);
        scene.Backend("one").Release();

        using var answer = await paused;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var _ = await held[0];
    }

    [Fact]
    public async Task Pause_HeldMoreThanTheLineTakes_AllAreAnswered()
    {
        await LimitAsync(new ConcurrencyLimit(PerInstance: 1, Queue: 1, Wait: TimeSpan.FromMilliseconds(1)));
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
        var held = Enumerable.Range(0, 20).Select(_ => scene.GetAsync("/slow")).ToArray();
        await Until.TrueAsync(async () => (await StateAsync()).GetProperty("held").GetInt32() == 20);

        await scene.ChangeAsync(document => document with { Pause = null });

        Assert.All(await Task.WhenAll(held), answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
    }

    /// <summary>Beside the instance "one" another one, which is asked first, as its name is, and stays in the traffic however often it fails.</summary>
    private async Task AddFirstAsync(string name)
    {
        await scene.AddAsync(name, deployment: "one");
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Count(instance => instance.GetProperty("inTraffic").GetBoolean()) == 2);
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Balance = Balance.First, Passive = new PassivePolicy(Failures: 0) } });
    }

    private async Task<Task<HttpResponseMessage>[]> HeldAsync(int count)
    {
        var held = Enumerable.Range(0, count).Select(_ => scene.GetAsync("/held")).ToArray();
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == count);
        return held;
    }

    /// <summary>Of two requests to a deployment one is held and one waits; others go their way meanwhile.</summary>
    private async Task WaitsAsync(string deployment, (string Name, string Value) chosen)
    {
        var held = scene.GetAsync("/held", chosen);
        await scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().Any(instance =>
            instance.GetProperty("deployment").GetString() == deployment && instance.GetProperty("inFlight").GetInt32() == 1));
        var waiting = scene.GetAsync("/", chosen);
        await StandsStillAsync(1);

        Assert.Equal("one", await scene.WhoAsync());
        await StandsStillAsync(1);

        scene.Backend(deployment).Release();
        using var answer = await waiting;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var _ = await held;
    }

    // Whoever is called in vain again and again is seen out of the line now and then.
    private async Task StandsStillAsync(int count)
    {
        await Until.TrueAsync(async () => await WaitingAsync() == count);
        for (var look = 0; look < 20; look++)
            Assert.Equal(count, await WaitingAsync());
    }

    private async Task<int> WaitingAsync() => (await StateAsync()).GetProperty("waiting").GetInt32();

    private async Task<int> RetriesAsync() => (await StateAsync()).GetProperty("retries").GetInt32();

    private async Task<JsonElement> StateAsync()
    {
        var state = await scene.Proxy.Admin.GetFromJsonAsync<JsonElement>("/state", Ct);
        return state.GetProperty("services").EnumerateArray()
            .Single(service => service.GetProperty("service").GetProperty("service").GetString() == scene.Service.Name);
    }

    private Task LimitAsync(ConcurrencyLimit limit) =>
        scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Concurrency = limit } });
}
