using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Faults;

/// <summary>Three services with two releases each, two proxies that follow one Consul, and a load on all of it from the beginning to the end.</summary>
internal sealed class TwoProxies : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly List<Task<List<HttpStatusCode>>> loads = [];
    private readonly List<Backend> backends = [];
    private readonly List<RunningProxy> proxies = [];
    private readonly AsyncDisposables started = new();

    /// <summary>The services; release <c>one</c> is active at first, an instance of <c>two</c> is there.</summary>
    public List<ServiceOnConsul> Services { get; } = [];

    /// <summary>What stands between each proxy and Consul.</summary>
    public List<ScriptedConsul> Ways { get; } = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<TwoProxies> StartAsync(FaultyConsul consul)
    {
        var scene = new TwoProxies();
        await scene.started.StartAsync(() => scene.BeginAsync(consul));
        return scene;
    }

    /// <summary>Registers all instances, as the sidecars do again with a Consul that does not have them.</summary>
    public async Task RegisterAsync()
    {
        foreach (var service in Services)
        {
            await service.AddInstanceAsync("one", backends[0].Port);
            await service.AddInstanceAsync("two", backends[1].Port);
        }
    }

    /// <summary>Waits until both proxies tell the same, and it is that these releases have the services' traffic, that nothing is held back and nothing at fault.</summary>
    public Task AgreeAsync(params string[] releases) => UntilAsync(told =>
        told[0] == told[1]
        && told[0].StartsWith("held: False", StringComparison.Ordinal)
        && Services.Zip(releases).All(pair => told[0].Contains($"{pair.First.Name} {pair.Second} -> {pair.First.Name}-{pair.Second}", StringComparison.Ordinal)));

    /// <summary>Waits until both proxies hold a loss back.</summary>
    public Task HeldAsync() => UntilAsync(told => told.All(each => each.StartsWith("held: True", StringComparison.Ordinal)));

    /// <summary>Ends the load; not one of its requests may have failed.</summary>
    public async Task EndAsync()
    {
        await stop.CancelAsync();
        var answers = (await Task.WhenAll(loads)).SelectMany(status => status).ToArray();
        Assert.True(answers.Length > 200, $"only {answers.Length} requests");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    public ValueTask DisposeAsync() => started.DisposeAsync();

    private async Task BeginAsync(FaultyConsul consul)
    {
        foreach (var name in (string[])["one", "two"])
            backends.Add(started.Add(await Backend.StartAsync(name)));
        for (var n = 0; n < 3; n++)
            Services.Add(new ServiceOnConsul(consul.Client));
        await RegisterAsync();
        foreach (var service in Services)
            await service.PromoteAsync("one");
        for (var n = 0; n < 2; n++)
        {
            Ways.Add(started.Add(await ScriptedConsul.StartAsync(consul.Address)));
            proxies.Add(started.Add(await RunningProxy.StartAsync(Ways[n].Address, state: null, new("LossHold", "00:05:00"), new("Resync", "00:00:02"))));
        }

        await AgreeAsync("one", "one", "one");
        started.Add(StopLoadAsync);
        foreach (var proxy in proxies)
            loads.AddRange(Services.Select(service => proxy.LoadAsync($"/{service.Name}/", stop.Token)));
    }

    private async Task StopLoadAsync()
    {
        await stop.CancelAsync();
        await ((Task)Task.WhenAll(loads)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task UntilAsync(Func<string[], bool> wanted)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        string[] told = [];
        do
        {
            Assert.False(late.IsCancellationRequested, $"not in time; the proxies last said:\n{string.Join("\n\n", told)}");
            await timer.WaitForNextTickAsync(Ct);
            told = await Task.WhenAll(proxies.Select(ToldAsync));
        }
        while (!wanted(told));
    }

    // All but what is each proxy's own: requests in flight, times.
    private static async Task<string> ToldAsync(RunningProxy proxy)
    {
        var all = await proxy.Http.GetFromJsonAsync<JsonElement>("/services", Ct);
        var services = all.GetProperty("services").EnumerateArray().Select(service =>
            $"{service.GetProperty("service")} {service.GetProperty("version")} -> "
            + string.Join(',', Instances(service).Where(instance => instance.GetProperty("inTraffic").GetBoolean()).Select(instance => instance.GetProperty("id")))
            + $" at {service.GetProperty("index")}, fault '{service.GetProperty("fault")}', "
            + string.Join(',', Instances(service).Select(instance => $"{instance.GetProperty("id")} {instance.GetProperty("stage")} {instance.GetProperty("health")}")));
        return $"held: {all.GetProperty("lossHeldUntil").ValueKind is JsonValueKind.String}\n{string.Join('\n', services)}";
    }

    private static IEnumerable<JsonElement> Instances(JsonElement service) =>
        service.GetProperty("instances").EnumerateArray().Where(instance => !instance.GetProperty("gone").GetBoolean());
}
