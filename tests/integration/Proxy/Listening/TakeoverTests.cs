using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

public sealed class TakeoverTests(ConsulFixture consul) : IAsyncLifetime
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
    public async Task Start_BesideAServingProxyUnderLoad_TakesOverWithoutAFailedRequest()
    {
        List<ProxyProcess> proxies = [await StartReadyAsync()];
        try
        {
            await using var load = RawLoad.Start(port, $"/{service.Name}/a");
            await load.MoreAsync(200);
            foreach (var _ in Enumerable.Range(0, 4))
            {
                proxies.Add(ProxyProcess.Start(consul.Address, port, state));
                Assert.Equal(0, await proxies[^2].EndAsync());
                await load.MoreAsync(500);
            }

            Assert.Empty(await load.StopAsync());
            Assert.False(proxies[^1].HasEnded);
        }
        finally
        {
            proxies.ForEach(proxy => proxy.Dispose());
        }
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Start_BesideAServingProxy_TakesOverFromClientsWithTls(string version)
    {
        using var files = new PemFiles();
        files.Write("default", ["localhost"]);
        var https = FreePort.Next();
        string[] more = ["--https-port", $"{https}", "--certificates", files.Folder];
        List<ProxyProcess> proxies = [await ProxyProcess.StartReadyAsync(consul.Address, port, state, more)];
        using var client = files.TrustingClient();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var served = 0;
        var load = Enumerable.Range(0, 4).Select(_ => Task.Run(AskOnAsync, Ct)).ToArray();
        try
        {
            await MoreAsync(100);
            foreach (var _ in Enumerable.Range(0, 2))
            {
                proxies.Add(ProxyProcess.Start(consul.Address, port, state, more));
                Assert.Equal(0, await proxies[^2].EndAsync());
                await MoreAsync(200);
            }

            await stop.CancelAsync();
            // A request that failed is thrown here.
            await Task.WhenAll(load);
            Assert.False(proxies[^1].HasEnded);
        }
        finally
        {
            await stop.CancelAsync();
            proxies.ForEach(proxy => proxy.Dispose());
        }

        Task MoreAsync(int count)
        {
            var wanted = Volatile.Read(ref served) + count;
            return Until.TrueAsync(() => Task.FromResult(Volatile.Read(ref served) >= wanted || load.Any(one => one.IsCompleted)));
        }

        async Task AskOnAsync()
        {
            while (!stop.IsCancellationRequested)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{https}/{service.Name}/a")
                {
                    Version = Version.Parse(version),
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    // With a content, of nothing: the client sends it once. Over HTTP/2 it repeats what the proxy says that it did not take, and nothing else.
                    Content = new ByteArrayContent([]),
                };
                using var answer = await client.SendAsync(request, Ct);
                answer.EnsureSuccessStatusCode();
                Interlocked.Increment(ref served);
            }
        }
    }

    [Fact]
    public async Task Start_BesideAServingProxy_KeepsTheWebsocketsOfTheEarlierOne()
    {
        using var earlier = await StartReadyAsync();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/{service.Name}/socket"), Ct);

        using var next = ProxyProcess.Start(consul.Address, port, state);
        await LeavingAsync(state, earlier);
        // Whichever of the two answers: it tells of the requests of both.
        for (var look = 0; look < 50; look++)
            Assert.Equal(1, await InFlightAsync());

        var buffer = new byte[64];
        foreach (var word in (string[])["one", "two"])
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(word), WebSocketMessageType.Text, endOfMessage: true, Ct);
            Assert.Equal(word, Encoding.UTF8.GetString(buffer, 0, (await socket.ReceiveAsync(buffer, Ct)).Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", Ct);
        Assert.Equal(0, await earlier.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
        Assert.Equal(0, await InFlightAsync());
    }

    [Fact]
    public async Task ANewProxyThatFailsBeforeItServes_LeavesTheEarlierOneServing()
    {
        using var earlier = await StartReadyAsync();
        await using var load = RawLoad.Start(port, $"/{service.Name}/a");

        using var broken = ProxyProcess.Start(consul.Address, port, state, "--https-port", $"{FreePort.Next()}", "--certificates", state);
        Assert.Equal(1, await broken.EndAsync());
        // And one that ends with the sockets in its hands.
        foreach (var _ in Enumerable.Range(0, 3))
            TakeSocketsAndEnd();
        await load.MoreAsync(500);

        Assert.Empty(await load.StopAsync());
        Assert.False(earlier.HasEnded);
        using var next = ProxyProcess.Start(consul.Address, port, state);
        Assert.Equal(0, await earlier.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
    }

    [Fact]
    public async Task ANewProxyThatKnowsNothing_LeavesTheEarlierOneServing()
    {
        using var earlier = await StartReadyAsync();
        await using var load = RawLoad.Start(port, $"/{service.Name}/a");
        await load.MoreAsync(100);
        // In the way of the earlier one, too, which would write the state again.
        var file = Path.Combine(state, "last-good.json");
        await Until.TrueAsync(() =>
        {
            File.Delete(file);
            Directory.CreateDirectory(file);
            return Task.FromResult(Directory.Exists(file));
        });

        using var next = ProxyProcess.StartReading(new Uri("http://127.0.0.1:1"), port, state, "--consul-wait", "00:00:00.1");
        Assert.Equal(1, await next.EndAsync());
        Assert.DoesNotContain("BackgroundService failed", await next.OutputAsync(), StringComparison.Ordinal);
        await load.MoreAsync(500);

        Assert.Empty(await load.StopAsync());
        Assert.False(earlier.HasEnded);
    }

    [Fact]
    public async Task Start_AfterAProxyThatWasKilled_ListensByItself()
    {
        using (var killed = await StartReadyAsync())
        {
            await killed.SignalAsync("KILL");
            await killed.EndAsync();
        }

        using var next = await StartReadyAsync();
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
    }

    [Fact]
    public async Task Start_WithOtherPortsAndTheSameFolder_LeavesTheOtherAlone()
    {
        using var first = await StartReadyAsync();
        var otherPort = FreePort.Next();

        using var other = await ProxyProcess.StartReadyAsync(consul.Address, otherPort, state);
        using var next = ProxyProcess.Start(consul.Address, port, state);

        Assert.Equal(0, await first.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(otherPort));
    }

    // Two sockets of one port, of which one is for all addresses, exclude each other.
    [Fact]
    public async Task Start_WithAnotherAddressOfTheAdminPort_OpensItBehindTheEarlierOne()
    {
        using var earlier = await StartReadyAsync();
        await using var load = RawLoad.Start(port, $"/{service.Name}/a");
        await load.MoreAsync(100);

        using var next = ProxyProcess.Start(consul.Address, port, state, "--admin-address", "0.0.0.0", "--admin-token", "0123456789abcdef");
        Assert.Equal(0, await earlier.EndAsync());

        // An address that the earlier one did not have.
        using var http = new HttpClient();
        await Until.TrueAsync(async () =>
        {
            try
            {
                return await http.GetStringAsync($"http://127.0.0.2:{port + 1}/healthz", Ct) != "";
            }
            catch (HttpRequestException)
            {
                return next.HasEnded;
            }
        });
        Assert.False(next.HasEnded);
        await load.MoreAsync(100);
        Assert.Empty(await load.StopAsync());
        using var last = await ProxyProcess.StartReadyAsync(consul.Address, port, state);
        Assert.Equal(0, await next.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
    }

    [Fact]
    public async Task Start_BesideAProxyThatIsStopping_ServesAndKnowsOfItsRequestsAndCanBeFollowed()
    {
        using var stopping = await StartReadyAsync();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/{service.Name}/socket"), Ct);
        await stopping.SignalAsync("TERM");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 0);

        using var next = await StartReadyAsync();
        Assert.Equal(1, await InFlightAsync());
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", Ct);
        Assert.Equal(0, await stopping.EndAsync());

        using var last = ProxyProcess.Start(consul.Address, port, state);
        Assert.Equal(0, await next.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
    }

    // Over a new connection each time. The earlier one may take it, in its last moment.
    private async Task<int> InFlightAsync()
    {
        var body = "";
        await Until.TrueAsync(async () =>
        {
            await using var raw = await RawConnection.OpenAsync(port);
            var answer = await raw.AskAsync($"GET /services/{service.Name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            body = answer.Body;
            return answer.Status == 200;
        });
        return JsonDocument.Parse(body).RootElement.GetProperty("instances")[0].GetProperty("inFlight").GetInt32();
    }

    private Task<ProxyProcess> StartReadyAsync() => ProxyProcess.StartReadyAsync(consul.Address, port, state);

    private void TakeSocketsAndEnd()
    {
        using var door = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        door.Connect(new UnixDomainSocketEndPoint(Path.Combine(state, "takeover.sock")));
        Assert.True(door.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead));
        var (text, descriptors) = Descriptors.Receive(door);
        // The traffic port and the admin port beside it.
        Assert.Equal([$"127.0.0.1:{port + 1}", $"[::]:{port}"], Encoding.UTF8.GetString(text).Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal(2, descriptors.Length);
        foreach (var descriptor in descriptors)
        {
            using var listening = new SafeSocketHandle(descriptor, ownsHandle: true);
            Assert.False(listening.IsInvalid);
        }
    }

    /// <summary>Returns when it leaves: once the door is another's.</summary>
    internal static async Task LeavingAsync(string state, ProxyProcess earlier)
    {
        var written = File.GetLastWriteTimeUtc(Path.Combine(state, "takeover.sock"));
        await Until.TrueAsync(() => Task.FromResult(File.GetLastWriteTimeUtc(Path.Combine(state, "takeover.sock")) != written || earlier.HasEnded));
    }
}
