using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ServiceMesh.Policy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>Websockets are chosen an instance for as any other request is.</summary>
public sealed class WebsocketTests(ConsulFixture consul) : IAsyncLifetime
{
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => scene = await TrafficScene.StartTogetherAsync(consul, "one", "two");

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task WithAPass_IsConnectedWithTheCandidate()
    {
        await scene.AddAsync("three");
        var (name, pass) = await scene.PassAsync("three");

        using var socket = await ConnectAsync((name, pass));

        Assert.Equal("three", await WhoHasItAsync());
        await EchoAsync(socket);
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync((name, pass[..^2])));
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OfAStickyService_BringsTheCookieAndComesBackToItsInstance()
    {
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        string cookie, who;
        using (var first = await ConnectAsync())
        {
            cookie = Assert.Single(first.HttpResponseHeaders!["Set-Cookie"]).Split(';')[0];
            who = await WhoHasItAsync();
            await CloseAsync(first);
        }

        for (var n = 0; n < 8; n++)
        {
            using var again = await ConnectAsync(("Cookie", cookie));
            Assert.Equal(who, await WhoHasItAsync());
            Assert.False(again.HttpResponseHeaders!.ContainsKey("Set-Cookie"));
            await CloseAsync(again);
        }
    }

    [Fact]
    public async Task UnderALimit_HasItsPlaceUntilItIsClosed()
    {
        await scene.ChangeAsync(document => document with
        {
            Traffic = document.Traffic with { Concurrency = new ConcurrencyLimit(PerInstance: 1, Queue: 0) },
        });
        using var first = await ConnectAsync();
        using var second = await ConnectAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync());
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync());
        Assert.Contains("503", refused.Message, StringComparison.Ordinal);

        await EchoAsync(first);
        await first.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);

        await Until.TrueAsync(async () => await StatusAsync() == HttpStatusCode.OK);
        await EchoAsync(second);
    }

    private async Task<ClientWebSocket> ConnectAsync(params (string Name, string Value)[] headers)
    {
        var socket = new ClientWebSocket { Options = { CollectHttpResponseDetails = true } };
        foreach (var (name, value) in headers)
            socket.Options.SetRequestHeader(name, value);
        try
        {
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{scene.Proxy.Ports[0]}/{scene.Service.Name}/socket"), Ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task EchoAsync(ClientWebSocket socket)
    {
        var buffer = new byte[64];
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Ct);
        Assert.Equal("hello", Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, Ct)).Count));
    }

    // Returns when no instance has it any more.
    private async Task CloseAsync(ClientWebSocket socket)
    {
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);
        await scene.Proxy.UntilAsync(
            scene.Service.Name, account => account.GetProperty("instances").EnumerateArray().All(instance => instance.GetProperty("inFlight").GetInt32() == 0));
    }

    /// <summary>The instance that has the one request that there is.</summary>
    private async Task<string> WhoHasItAsync()
    {
        var who = "";
        await scene.Proxy.UntilAsync(scene.Service.Name, account =>
        {
            JsonElement[] busy = [.. account.GetProperty("instances").EnumerateArray().Where(instance => instance.GetProperty("inFlight").GetInt32() > 0)];
            if (busy is not [var one] || one.GetProperty("inFlight").GetInt32() > 1)
                return false;
            who = one.GetProperty("id").GetString()!.Split('-')[^1];
            return true;
        });
        return who;
    }

    private async Task<HttpStatusCode> StatusAsync()
    {
        using var answer = await scene.GetAsync();
        return answer.StatusCode;
    }
}
