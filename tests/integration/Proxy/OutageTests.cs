using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

public sealed class OutageTests
{
    private static readonly Uri Nowhere = new("http://127.0.0.1:1");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Start_WithoutConsul_ServesFromTheLastGoodState()
    {
        await using var one = await Backend.StartAsync("one");
        var state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
        var name = await ServedThenConsulGoneAsync(one, state);

        await using var proxy = await RunningProxy.StartAsync(Nowhere, state);

        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{name}/", Ct), StringComparison.Ordinal);
        Assert.Contains("\"origin\":\"Disk\"", await proxy.Http.GetStringAsync("/services", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WithoutConsulAndADamagedState_Answers503()
    {
        await using var one = await Backend.StartAsync("one");
        var state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
        var name = await ServedThenConsulGoneAsync(one, state);
        var file = Path.Combine(state, "last-good.json");
        var damaged = await File.ReadAllBytesAsync(file, Ct);
        damaged[^10] ^= 1;
        await File.WriteAllBytesAsync(file, damaged, Ct);

        await using var proxy = await RunningProxy.StartAsync(Nowhere, state);
        using var answer = await proxy.Http.GetAsync($"/{name}/", Ct);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        var told = await proxy.Http.GetFromJsonAsync<JsonElement>("/services", Ct);
        Assert.Contains("checksum", told.GetProperty("lastGood").GetProperty("fault").GetString(), StringComparison.Ordinal);
    }

    private static async Task<string> ServedThenConsulGoneAsync(Backend backend, string state)
    {
        await using var container = new ConsulBuilder().Build();
        await container.StartAsync(Ct);
        using var client = ConsulFixture.ClientOf(new Uri(container.GetBaseAddress()));
        var service = new ServiceOnConsul(client);
        await service.AddInstanceAsync("one", backend.Port);
        await using var proxy = await RunningProxy.StartAsync(new Uri(container.GetBaseAddress()), state);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);

        await container.StopAsync(Ct);

        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);
        await StateIsWrittenAsync(state, service.Name);
        return service.Name;
    }

    // The state is written beside the traffic, so it may come a moment later.
    internal static async Task StateIsWrittenAsync(string state, string service)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(10));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var file = Path.Combine(state, "last-good.json");
        while (!File.Exists(file) || !(await File.ReadAllTextAsync(file, late.Token)).Contains(service, StringComparison.Ordinal))
            await timer.WaitForNextTickAsync(late.Token);
    }
}
