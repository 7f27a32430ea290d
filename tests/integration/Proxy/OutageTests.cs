using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

public sealed class OutageTests : IDisposable
{
    private static readonly Uri Nowhere = new("http://127.0.0.1:1");

    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(state, recursive: true);

    [Fact]
    public async Task Start_WithoutConsul_ServesFromTheLastGoodState()
    {
        await using var one = await Backend.StartAsync("one");
        var (name, _) = await ServedThenConsulGoneAsync(one);

        await using var proxy = await RunningProxy.StartAsync(Nowhere, state);

        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{name}/", Ct), StringComparison.Ordinal);
        Assert.Contains("\"origin\":\"Disk\"", await proxy.Http.GetStringAsync("/services", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WithoutConsul_KnowsTheCookiesItSigned()
    {
        await using var one = await Backend.StartAsync("one");
        var (name, cookie) = await ServedThenConsulGoneAsync(one);

        await using var proxy = await RunningProxy.StartAsync(Nowhere, state);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/{name}/");
        request.Headers.Add("Cookie", cookie);
        using var again = await proxy.Http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.False(again.Headers.Contains("Set-Cookie"), "a cookie that is taken for forged is replaced");
    }

    [Fact]
    public async Task TwoProxies_OfOneConsul_KnowEachOthersCookies()
    {
        await using var container = TestConsul.Builder().Build();
        await container.StartAsync(Ct);
        using var client = ConsulFixture.ClientOf(new Uri(container.GetBaseAddress()));
        await using var backend = await Backend.StartAsync("one");
        var service = new ServiceOnConsul(client);
        await service.AddInstanceAsync("one", backend.Port);
        await new MeshStore(client, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System)).EnsureCookieKeyAsync(Ct);
        await service.PromoteAsync("one");
        var index = await service.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        // Each with a folder of its own.
        await using var first = await RunningProxy.StartAsync(new Uri(container.GetBaseAddress()));
        await using var second = await RunningProxy.StartAsync(new Uri(container.GetBaseAddress()));
        foreach (var proxy in (RunningProxy[])[first, second])
            await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);

        using var answer = await first.Http.GetAsync($"/{service.Name}/", Ct);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/{service.Name}/");
        request.Headers.Add("Cookie", answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        using var again = await second.Http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.False(again.Headers.Contains("Set-Cookie"), "a cookie that is taken for forged is replaced");
    }

    [Fact]
    public async Task Start_WithoutConsulAndADamagedState_Answers503()
    {
        await using var one = await Backend.StartAsync("one");
        var (name, _) = await ServedThenConsulGoneAsync(one);
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

    /// <returns>A service that was served until then, and the cookie that a client of it got.</returns>
    private async Task<(string Name, string Cookie)> ServedThenConsulGoneAsync(Backend backend)
    {
        await using var container = TestConsul.Builder().Build();
        await container.StartAsync(Ct);
        using var client = ConsulFixture.ClientOf(new Uri(container.GetBaseAddress()));
        var service = new ServiceOnConsul(client);
        await service.AddInstanceAsync("one", backend.Port);
        await new MeshStore(client, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System)).EnsureCookieKeyAsync(Ct);
        await using var proxy = await RunningProxy.StartAsync(new Uri(container.GetBaseAddress()), state);
        await service.PromoteAsync("one");
        var index = await service.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);

        await container.StopAsync(Ct);

        using var answer = await proxy.Http.GetAsync($"/{service.Name}/", Ct);
        Assert.StartsWith("one", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        await StateIsWrittenAsync(state, service.Name);
        return (service.Name, answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
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
