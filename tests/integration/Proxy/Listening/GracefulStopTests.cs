using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

public sealed class GracefulStopTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly int port = FreePort.Next();
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
    private ServiceOnConsul service = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => Directory.Delete(state, recursive: true));
        var backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        await service.PromoteAsync("one");
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task SigTerm_WithADelay_IsNotReadyAndServesOnAndSendsItsClientsAway()
    {
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, state, "--stop-delay", "00:00:04");
        await using var kept = await RawConnection.OpenAsync(port);
        var request = $"GET /{service.Name}/a HTTP/1.1\r\nHost: a\r\n\r\n";
        Assert.False((await kept.AskAsync(request)).Headers.ContainsKey("Connection"));

        await proxy.SignalAsync("TERM");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 503);

        var answer = await kept.AskAsync(request);
        Assert.Equal((200, "close"), (answer.Status, answer.Headers["Connection"]));
        Assert.True(await kept.IsClosedAsync());
        Assert.Equal(0, await proxy.EndAsync());
    }

    [Fact]
    public async Task SigTerm_WithADelay_SendsHttp2ClientsAwayToo()
    {
        var h2cPort = FreePort.Next();
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, state, "--stop-delay", "00:00:04", "--h2c-port", $"{h2cPort}");
        var connections = 0;
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (to, ct) =>
            {
                connections++;
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, to.DnsEndPoint.Port, ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var url = $"http://localhost:{h2cPort}/{service.Name}/a";
        await http.GetStringAsync(url, Ct);
        await http.GetStringAsync(url, Ct);
        Assert.Equal(1, connections);

        await proxy.SignalAsync("TERM");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 503);

        // The answer to the first comes with the farewell, the next one goes over a new connection.
        await http.GetStringAsync(url, Ct);
        await Until.TrueAsync(async () => await http.GetStringAsync(url, Ct) is not null && connections > 1);
        Assert.Equal(0, await proxy.EndAsync());
    }

    [Fact]
    public async Task SigTerm_WithAnOpenWebsocket_KeepsItUntilTheDrainLimit()
    {
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, state, "--drain-limit", "00:00:02");
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/{service.Name}/socket"), Ct);

        await proxy.SignalAsync("TERM");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 0);

        await socket.SendAsync("still here"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Ct);
        var buffer = new byte[64];
        var echo = await socket.ReceiveAsync(buffer, Ct);
        Assert.Equal("still here"u8.ToArray(), buffer[..echo.Count]);
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(buffer, Ct));
        Assert.Equal(0, await proxy.EndAsync());
    }

    [Fact]
    public async Task SigTerm_Twice_EndsAtOnce()
    {
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, state);
        await using var held = await RawConnection.OpenAsync(port);
        await held.SendAsync($"GET /{service.Name}/held HTTP/1.1\r\nHost: a\r\n\r\n");
        await proxy.SignalAsync("TERM");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 0);
        Assert.False(proxy.HasEnded);

        await proxy.SignalAsync("TERM");

        Assert.Equal(143, await proxy.EndAsync());
        Assert.True(await held.IsClosedAsync());
    }
}
