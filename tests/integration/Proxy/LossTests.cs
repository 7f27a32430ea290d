using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>A registry that lost its data: the proxy is turned from a Consul that knows three services to one that knows nothing.</summary>
public sealed class LossTests : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly ConsulContainer full = TestConsul.Builder().Build();
    private readonly ConsulContainer empty = TestConsul.Builder().Build();
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
    private readonly List<ServiceOnConsul> services = [];
    private ConsulFront front = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => Directory.Delete(state, recursive: true));
        started.Add(empty);
        started.Add(full);
        await Task.WhenAll(full.StartAsync(Ct), empty.StartAsync(Ct));
        var backend = started.Add(await Backend.StartAsync("one"));
        var client = ConsulFixture.ClientOf(new Uri(full.GetBaseAddress()));
        started.Add(client.Dispose);
        front = started.Add(await ConsulFront.StartAsync(new Uri(full.GetBaseAddress())));
        for (var n = 0; n < 3; n++)
        {
            services.Add(new ServiceOnConsul(client));
            await services[n].AddInstanceAsync("one", backend.Port);
            await services[n].PromoteAsync("one");
        }
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task ARegistryThatLostItsData_UnderLoad_CostsNoRequestAndIsTold()
    {
        await using var proxy = await StartAsync(hold: "00:05:00");
        using var stop = new CancellationTokenSource();
        var load = services.Select(service => proxy.LoadAsync($"/{service.Name}/", stop.Token)).ToArray();

        await front.TurnToAsync(new Uri(empty.GetBaseAddress()));
        await EachAsync(proxy, account => IsHeld(account) && HasTraffic(account));
        // When they are asked for again, what was read of them before is in effect.
        await front.UntilInstancesAskedAsync(services.Select(service => service.Name), times: 2);
        var told = await proxy.Http.GetFromJsonAsync<JsonElement>("/services", Ct);
        Assert.Contains("\nmesh_proxy_loss_held 3\n", await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);
        await front.TurnToAsync(new Uri(full.GetBaseAddress()));
        await EachAsync(proxy, account => !IsHeld(account) && HasTraffic(account));
        Assert.Contains("\nmesh_proxy_loss_held 0\n", await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);

        await stop.CancelAsync();
        var answers = (await Task.WhenAll(load)).SelectMany(status => status).ToArray();
        Assert.True(answers.Length > 200, $"only {answers.Length} requests");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.True(IsHeld(told), told.ToString());
    }

    [Fact]
    public async Task ALossThatLasts_IsObeyed()
    {
        await using var proxy = await StartAsync(hold: "00:00:01");
        Assert.Contains("\nmesh_proxy_services 3\n", await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);

        await front.TurnToAsync(new Uri(empty.GetBaseAddress()));

        await proxy.UntilAllAsync(told => told.GetProperty("services").GetArrayLength() == 0 && !IsHeld(told));
        using var answer = await proxy.Http.GetAsync($"/{services[0].Name}/", Ct);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("\nmesh_proxy_services 0\n", await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALossThatIsConfirmed_IsObeyedAtOnce()
    {
        await using var proxy = await StartAsync(hold: "00:05:00");
        await front.TurnToAsync(new Uri(empty.GetBaseAddress()));
        await EachAsync(proxy, IsHeld);

        using var read = await proxy.Admin.GetAsync("/loss/confirm", Ct);
        using var confirmed = await proxy.Admin.PostAsync("/loss/confirm", content: null, Ct);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, read.StatusCode);
        var givenUp = (await confirmed.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("givenUp");
        Assert.Equal(services.Select(service => service.Name).Order(StringComparer.Ordinal), givenUp.EnumerateArray().Select(service => service.GetString()));
        await proxy.UntilAllAsync(told => told.GetProperty("services").GetArrayLength() == 0 && !IsHeld(told));
    }

    [Fact]
    public async Task Start_WithARegistryThatLostItsData_HoldsTheLastGoodStateAndKeepsItOnDisk()
    {
        await using (await StartAsync(hold: "00:05:00"))
            await LastGoodIsWrittenAsync();
        await front.TurnToAsync(new Uri(empty.GetBaseAddress()));

        await using var proxy = await StartAsync(hold: "00:05:00");

        await EachAsync(proxy, account => IsHeld(account) && HasTraffic(account));
        await front.UntilInstancesAskedAsync(services.Select(service => service.Name), times: 2);
        foreach (var service in services)
            Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);

        File.Delete(Path.Combine(state, "last-good.json"));
        using var emptied = ConsulFixture.ClientOf(new Uri(empty.GetBaseAddress()));
        await new ServiceOnConsul(emptied).PromoteAsync("new");
        await LastGoodIsWrittenAsync();
    }

    [Fact]
    public async Task EveryQuery_ToConsul_IsConsistent()
    {
        await using var proxy = await StartAsync(hold: "00:05:00");
        await services[0].FailAsync("one");
        await proxy.UntilAsync(services[0].Name, account => account.GetProperty("instances")[0].GetProperty("health").GetString() == "critical");
        await front.UntilInstancesAskedAsync(services.Select(service => service.Name), times: 2);

        var asked = front.Asked.Select(request => (Kind: request.Path.Split('/')[2..4], request.Query)).ToArray();

        Assert.Equal(
            ["catalog/services", "health/service", "health/state", "kv/mesh"],
            asked.Select(request => string.Join('/', request.Kind)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.All(asked, request => Assert.Contains("consistent", request.Query));
    }

    private static bool IsHeld(JsonElement told) => told.GetProperty("lossHeldUntil").ValueKind == JsonValueKind.String;

    private static bool HasTraffic(JsonElement account) => account.GetProperty("url").GetProperty("url").ValueKind == JsonValueKind.String;

    private Task<RunningProxy> StartAsync(string hold)
    {
        var proxies = new AsyncDisposables();
        return proxies.StartAsync(async () =>
        {
            var proxy = proxies.Add(await RunningProxy.StartAsync(front.Address, state, new("LossHold", hold), new("Resync", "00:00:01")));
            await EachAsync(proxy, HasTraffic);
            return proxy;
        });
    }

    private async Task EachAsync(RunningProxy proxy, Func<JsonElement, bool> wanted)
    {
        foreach (var service in services)
            await proxy.UntilAsync(service.Name, wanted);
    }

    private async Task LastGoodIsWrittenAsync()
    {
        foreach (var service in services)
            await OutageTests.StateIsWrittenAsync(state, service.Name);
    }
}
