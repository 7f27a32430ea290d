using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy;

public sealed class TrafficTests(ConsulFixture consul) : IAsyncLifetime
{
    private RunningProxy proxy = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => proxy = await RunningProxy.StartAsync(consul.Address);

    public ValueTask DisposeAsync() => proxy.DisposeAsync();

    [Fact]
    public async Task Request_ToARoute_ReachesTheInstanceWithoutThePrefix()
    {
        await using var one = await Backend.StartAsync("one");
        var service = await ServedAsync("one", one.Port);

        Assert.Equal($"one /a/b /{service.Name} 127.0.0.1", await proxy.Http.GetStringAsync($"/{service.Name}/a/b", Ct));
    }

    [Fact]
    public async Task AnAddressThatIsNone_IsSetAsideAloneWithItsReason()
    {
        await using var one = await Backend.StartAsync("one");
        await using var other = await Backend.StartAsync("other");
        var (service, neighbour) = (await ServedAsync("one", one.Port), await ServedAsync("other", other.Port));
        await service.ChangeAsync(document => document with { Traffic = document.Traffic with { Probe = new ProbePolicy("/health") } });

        await service.AddInstanceAsync("port", 70_000, deployment: "one");
        await service.AddInstanceAsync("host", one.Port, deployment: "one", address: "a b");

        await proxy.UntilAsync(service.Name, account => account.GetProperty("instances").EnumerateArray().Count(IsSetAside) == 2);
        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);
        // It is told of later than they could have done any harm.
        await other.DisposeAsync();
        await neighbour.RemoveAsync("other");
        await proxy.UntilAsync(neighbour.Name, account => account.GetProperty("instances").GetArrayLength() == 0);
        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);

        static bool IsSetAside(JsonElement instance) =>
            instance.GetProperty("fault").ValueKind == JsonValueKind.String && !instance.GetProperty("inTraffic").GetBoolean();
    }

    [Fact]
    public async Task Promotion_UnderLoad_MovesTheTrafficWithoutAFailedRequest()
    {
        await using var one = await Backend.StartAsync("one");
        await using var two = await Backend.StartAsync("two");
        var service = await ServedAsync("one", one.Port);
        await service.AddInstanceAsync("two", two.Port);
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 8).Select(_ => proxy.LoadAsync($"/{service.Name}/", stop.Token)).ToArray();

        foreach (var deployment in Enumerable.Range(0, 20).Select(n => n % 2 == 0 ? "two" : "one"))
        {
            var index = await service.PromoteAsync(deployment);
            await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
            Assert.StartsWith(deployment, await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);
        }

        await stop.CancelAsync();
        var answers = (await Task.WhenAll(load)).SelectMany(status => status).ToArray();
        Assert.True(answers.Length > 100, $"only {answers.Length} requests");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task ACriticalInstance_LeavesTheTraffic_AndTheLastOnesStay()
    {
        await using var one = await Backend.StartAsync("one");
        var service = await ServedAsync("one", one.Port);
        await using var other = await Backend.StartAsync("other");
        await service.AddInstanceAsync("two", other.Port);

        await service.FailAsync("one");

        await proxy.UntilAsync(service.Name, account => account.GetProperty("instances").EnumerateArray()
            .Any(instance => instance.GetProperty("health").GetString() == "critical" && instance.GetProperty("inTraffic").GetBoolean()));
        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task InFlight_OfARetiredInstance_IsCountedUntilItsLastAnswer()
    {
        await using var one = await Backend.StartAsync("one");
        await using var two = await Backend.StartAsync("two");
        var service = await ServedAsync("one", one.Port);
        await service.AddInstanceAsync("two", two.Port);
        var held = proxy.Http.GetStringAsync($"/{service.Name}/held", Ct);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{proxy.Http.BaseAddress!.Port}/{service.Name}/socket"), Ct);
        await proxy.UntilAsync(service.Name, account => InFlight(account, "one") == 2);

        await service.PromoteAsync("two");

        await proxy.UntilAsync(service.Name, account => Stage(account, "one") == "retired" && InFlight(account, "one") == 2);
        one.Release();
        Assert.Equal("one", await held);
        await proxy.UntilAsync(service.Name, account => InFlight(account, "one") == 1);
        Assert.Equal("still here", await EchoAsync(socket, "still here"));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);
        await proxy.UntilAsync(service.Name, account => InFlight(account, "one") == 0);
    }

    [Fact]
    public async Task AKnownServiceWithNothingActive_Is503WithRetryAfter()
    {
        var service = await ServedAsync("one", port: null);

        using var answer = await proxy.Http.GetAsync($"/{service.Name}/", Ct);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter?.Delta);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await proxy.ServiceAsync(service.Name)).GetProperty("url").GetProperty("url").ValueKind);
    }

    [Fact]
    public async Task AnUnknownPath_Is404AsAProblem()
    {
        using var answer = await proxy.Http.GetAsync("/nobody/here", Ct);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task AnInstanceThatDoesNotListen_Is502AsAProblem()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        var service = await ServedAsync("one", port);

        using var answer = await proxy.Http.GetAsync($"/{service.Name}/", Ct);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("POST", "/services")]
    [InlineData("PUT", "/services/demo")]
    [InlineData("DELETE", "/services/demo")]
    [InlineData("HEAD", "/services/demo")]
    public async Task AnythingButGetOnServices_Is405AndSaysWhereTheConfigurationLives(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var answer = await proxy.Http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET"], answer.Content.Headers.Allow);
        if (method != "HEAD")
            Assert.Contains("Consul KV", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServicesOnAHostOfARoute_IsThatSitesOwnPage()
    {
        await using var one = await Backend.StartAsync("one");
        var service = new ServiceOnConsul(consul.Client) { RoutesOf = name => [new Route($"{name}.example", "/", StripPath: false)] };
        await service.AddInstanceAsync("one", one.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);

        foreach (var (host, isSites) in new[] { ($"{service.Name}.example", true), ("other.example", false) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/services");
            request.Headers.Host = host;
            using var answer = await proxy.Http.SendAsync(request, Ct);
            Assert.Equal(isSites, (await answer.Content.ReadAsStringAsync(Ct)).StartsWith("one /services", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task AHostileDocument_IsSetAsideAndTheLastSoundOneServesOn()
    {
        await using var one = await Backend.StartAsync("one");
        var service = await ServedAsync("one", one.Port);

        await service.PutAsync("""{"schema":1,"service":"other","routes":[]}"""u8.ToArray());

        await proxy.UntilAsync(service.Name, account => account.GetProperty("fault").GetString() is { Length: > 0 });
        Assert.StartsWith("one", await proxy.Http.GetStringAsync($"/{service.Name}/", Ct), StringComparison.Ordinal);
        var series = $"mesh_proxy_documents_set_aside{{service=\"{service.Name}\",reason=\"invalid\"}} 1";
        Assert.Contains(series, await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);

        await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("fault").ValueKind == JsonValueKind.Null);
        Assert.DoesNotContain(series, await proxy.Admin.GetStringAsync("/metrics", Ct), StringComparison.Ordinal);
    }

    private static int InFlight(JsonElement account, string deployment) => account.GetProperty("instances").EnumerateArray()
        .Single(instance => instance.GetProperty("deployment").GetString() == deployment).GetProperty("inFlight").GetInt32();

    private static string? Stage(JsonElement account, string deployment) => account.GetProperty("instances").EnumerateArray()
        .Single(instance => instance.GetProperty("deployment").GetString() == deployment).GetProperty("stage").GetString();

    private async Task<ServiceOnConsul> ServedAsync(string deployment, int? port)
    {
        var service = new ServiceOnConsul(consul.Client);
        if (port is { } number)
            await service.AddInstanceAsync(deployment, number);
        var index = await service.PromoteAsync(deployment);
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
        return service;
    }

    private static async Task<string> EchoAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Ct);
        var buffer = new byte[64];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), Ct);
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }
}
