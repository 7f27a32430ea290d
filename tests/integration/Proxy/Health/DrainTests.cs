using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ServiceMesh.Policy;
using ServiceMesh.Tests.Integration.Proxy.Traffic;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Health;

/// <summary>The requests and websockets of an instance that left the traffic or the catalog.</summary>
public sealed class DrainTests(ConsulFixture consul) : IAsyncLifetime
{
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => scene = await TrafficScene.StartAsync(consul, "one", "two");

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    /// <summary>The ways out of the traffic.</summary>
    public static TheoryData<string> Ways => ["retired", "deregistered", "critical"];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task AnInstanceThatLeft_WithinItsDrain_GoesOnWithItsRequests(string way)
    {
        await DrainAsync(TimeSpan.FromMinutes(10));
        var held = scene.GetAsync("/held");
        using var socket = await SocketAsync();
        await InFlightAsync("one", 2);

        await LeaveAsync(way);
        await UntilAsync("one", one => IsDraining(one) && one.GetProperty("gone").GetBoolean() == (way == "deregistered"));

        Assert.Equal("two", await scene.WhoAsync());
        Assert.Equal("still here", await EchoAsync(socket, "still here"));
        scene.Backend("one").Release();
        using var answer = await held;
        Assert.Equal("one", await answer.Content.ReadAsStringAsync(Ct));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);
        await EndedAsync(way);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task AnInstanceThatLeft_AfterItsDrain_IsRidOfItsRequests(string way)
    {
        await DrainAsync(TimeSpan.FromSeconds(1));
        var held = scene.GetAsync("/held");
        using var socket = await SocketAsync();
        await InFlightAsync("one", 2);

        await LeaveAsync(way);

        using var answer = await held;
        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
        Assert.Contains("drain timeout", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[8], Ct));
        await EndedAsync(way);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task AnInstanceThatLeft_WithoutADrain_IsRidOfItsRequestsAtOnce(string way)
    {
        await DrainAsync(TimeSpan.Zero);
        using var socket = await SocketAsync();
        await InFlightAsync("one", 1);

        await LeaveAsync(way);

        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[8], Ct));
        await EndedAsync(way);
    }

    [Fact]
    public async Task AServiceThatIsRemoved_GoesOnWithItsRequestsUntilItsDrainEnds()
    {
        await DrainAsync(TimeSpan.FromSeconds(3));
        // The loss of the only service there is would be held back.
        var neighbour = new ServiceOnConsul(consul.Client);
        await neighbour.AddInstanceAsync("two", scene.Backend("two").Port);
        await neighbour.PromoteAsync("two");
        await scene.Proxy.UntilAsync(neighbour.Name, account => account.GetProperty("instances").GetArrayLength() == 1);
        using var socket = await SocketAsync();
        await InFlightAsync("one", 1);

        await consul.Client.KV.Delete($"mesh/services/{scene.Service.Name}", Ct);

        await UntilAsync("one", one => one.GetProperty("gone").GetBoolean() && one.GetProperty("inFlight").GetInt32() == 1);
        using (var answer = await scene.GetAsync())
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[8], Ct));
        await scene.Proxy.UntilAllAsync(told => told.GetProperty("services").EnumerateArray().All(service => service.GetProperty("service").GetString() != scene.Service.Name));
    }

    [Fact]
    public async Task AnInstanceThatIsBackBeforeItsDrainEnds_KeepsItsRequests()
    {
        await DrainAsync(TimeSpan.FromSeconds(2));
        using var socket = await SocketAsync();
        await InFlightAsync("one", 1);

        await LeaveAsync("retired");
        var until = DateTimeOffset.MaxValue;
        await UntilAsync("one", one => IsDraining(one) && one.GetProperty("drainsUntil").TryGetDateTimeOffset(out until));
        await scene.Service.PromoteAsync("one");
        await UntilAsync("one", IsInTraffic);
        while (TimeProvider.System.GetUtcNow() < until)
            Assert.Equal("x", await EchoAsync(socket, "x"));

        Assert.Equal("still here", await EchoAsync(socket, "still here"));
    }

    private Task DrainAsync(TimeSpan drain) => scene.ChangeAsync(document => document with { Traffic = new TrafficPolicy { Drain = drain } });

    // Whichever way, the other deployment has the traffic afterwards.
    private async Task LeaveAsync(string way)
    {
        switch (way)
        {
            case "retired":
                await scene.Service.PromoteAsync("two");
                break;
            case "deregistered":
                await scene.Service.PromoteAsync("two");
                await scene.Service.RemoveAsync("one");
                break;
            default:
                // A healthy one of the same release, or it would stay as the last known one.
                await scene.AddAsync("1", deployment: "one");
                await UntilAsync("1", IsInTraffic);
                await scene.Service.FailAsync("one");
                await UntilAsync("one", one => !IsInTraffic(one));
                await scene.Service.PromoteAsync("two");
                break;
        }

        await UntilAsync("two", IsInTraffic);
    }

    private Task InFlightAsync(string name, int count) =>
        UntilAsync(name, one => one.GetProperty("inFlight").GetInt32() == count);

    private Task EndedAsync(string way) => way == "deregistered"
        ? scene.Proxy.UntilAsync(scene.Service.Name, account => account.GetProperty("instances").GetArrayLength() == 1)
        : InFlightAsync("one", 0);

    private async Task<ClientWebSocket> SocketAsync()
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{scene.Proxy.Http.BaseAddress!.Port}/{scene.Service.Name}/socket"), Ct);
        return socket;
    }

    private static async Task<string> EchoAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Ct);
        var buffer = new byte[64];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), Ct);
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }

    private Task UntilAsync(string name, Func<JsonElement, bool> wanted) => scene.Proxy.UntilAsync(
        scene.Service.Name,
        account => account.GetProperty("instances").EnumerateArray().Any(instance =>
            instance.GetProperty("id").GetString()!.EndsWith($"-{name}", StringComparison.Ordinal) && wanted(instance)));

    private static bool IsInTraffic(JsonElement instance) => instance.GetProperty("inTraffic").GetBoolean();

    private static bool IsDraining(JsonElement instance) => instance.GetProperty("drainsUntil").ValueKind == JsonValueKind.String;
}
