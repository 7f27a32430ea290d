using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using ServiceMesh.Policy;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Tests.Integration.Proxy.Conformance;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>What the earlier proxy has when another one takes over.</summary>
public sealed class TakeoverOfRequestsTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly int port = FreePort.Next();
    private readonly string state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
    private readonly HttpClient http = new();
    private Backend backend = null!;
    private ServiceOnConsul service = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => Directory.Delete(state, recursive: true));
        started.Add(http.Dispose);
        backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        await service.PromoteAsync("one");
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task AKeptConnection_AskedWhatIsInFlight_IsSentToTheOneThatKnows()
    {
        using var earlier = await StartReadyAsync();
        var question = $"GET /services/{service.Name} HTTP/1.1\r\nHost: a\r\n\r\n";
        await using RawConnection kept = await RawConnection.OpenAsync(port), keptAdmin = await RawConnection.OpenAsync(port + 1);
        Assert.Equal(200, (await kept.AskAsync(question)).Status);
        Assert.Equal(200, (await keptAdmin.AskAsync(question)).Status);

        using var next = Start();
        await TakeoverTests.LeavingAsync(state, earlier);

        foreach (var connection in (RawConnection[])[kept, keptAdmin])
        {
            var answer = await connection.AskAsync(question);
            Assert.Equal((503, "close"), (answer.Status, answer.Headers.GetValueOrDefault("Connection")));
        }

        Assert.Equal(0, await earlier.EndAsync());
    }

    [Fact]
    public async Task AStartThatFailsWhileItsAdminPortIsWaitedFor_EndsAndTheEarlierOneServesOn()
    {
        using var earlier = await StartReadyAsync();
        using var other = new TcpListener(IPAddress.IPv6Any, 0) { Server = { DualMode = true } };
        other.Start();

        using var next = ProxyProcess.Start(
            consul.Address, port, state, "--admin-address", "0.0.0.0", "--admin-token", "0123456789abcdef",
            "--h2c-port", ((IPEndPoint)other.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture));

        Assert.Equal(1, await next.EndAsync());
        Assert.Equal(200, await ProxyProcess.ReadyAsync(port));
    }

    [Fact]
    public async Task RequestsThatAPauseHolds_AreAnsweredByTheOneThatHasThem()
    {
        await service.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
        using var earlier = await StartReadyAsync();
        var held = await WaitingAsync("mesh_proxy_held", "/a", 5);

        using var next = Start();
        await TakeoverTests.LeavingAsync(state, earlier);
        Assert.All(held, request => Assert.False(request.IsCompleted));
        await service.ChangeAsync(document => document with { Pause = null });

        await AllServedAsync(held);
        Assert.Equal(0, await earlier.EndAsync());
    }

    [Fact]
    public async Task RequestsThatWaitForAPlace_AreAnsweredByTheOneThatHasThem()
    {
        await service.ChangeAsync(document => document with
        {
            Traffic = new TrafficPolicy { Concurrency = new ConcurrencyLimit(PerInstance: 1, Queue: 3, Wait: TimeSpan.FromMinutes(1)) },
        });
        using var earlier = await StartReadyAsync();
        var first = await WaitingAsync("mesh_proxy_in_flight", "/held", 1);
        var line = await WaitingAsync("mesh_proxy_waiting", "/a", 3);
        Assert.Equal(503, await StatusAsync("/a"));

        using var next = Start();
        await TakeoverTests.LeavingAsync(state, earlier);
        Assert.All(line, request => Assert.False(request.IsCompleted));
        // The next one has a line of its own.
        await Until.TrueAsync(async () => await StatusAsync("/a") == 200);
        backend.Release();

        await AllServedAsync([.. first, .. line]);
        Assert.Equal(0, await earlier.EndAsync());
    }

    [Fact]
    public async Task UploadsAndACallOfGrpc_WhileOthersTakeOver_AreFinished()
    {
        await using var grpc = await ProtocolBackend.StartAsync();
        var talk = new ServiceOnConsul(consul.Client) { RoutesOf = name => [new Route(Host: null, $"/{name}", StripPath: true) { Upstream = UpstreamProtocol.H2c }] };
        await talk.AddInstanceAsync("one", grpc.PortOf(UpstreamProtocol.H2c));
        await talk.PromoteAsync("one");
        var h2c = FreePort.Next();
        string[] more = ["--h2c-port", $"{h2c}"];
        List<ProxyProcess> proxies = [await ProxyProcess.StartReadyAsync(consul.Address, port, state, more)];
        try
        {
            await using var load = RawLoad.StartUploading(port, $"/{service.Name}/names");
            await load.MoreAsync(50);
            using var channel = GrpcChannel.ForAddress(
                $"http://127.0.0.1:{h2c}",
                new GrpcChannelOptions { HttpHandler = new GrpcTests.BelowPath($"/{talk.Name}") { InnerHandler = new SocketsHttpHandler() }, DisposeHttpClient = true });
            using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.TalkMethod, host: null, new CallOptions(cancellationToken: Ct));
            await TalkAsync(call, "before");

            foreach (var word in (string[])["first", "second"])
            {
                proxies.Add(ProxyProcess.Start(consul.Address, port, state, more));
                await TakeoverTests.LeavingAsync(state, proxies[^2]);
                await load.MoreAsync(200);
                await TalkAsync(call, word);
            }

            Assert.Equal(0, await proxies[1].EndAsync());
            Assert.False(proxies[0].HasEnded);
            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext(Ct));
            Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
            Assert.Equal(0, await proxies[0].EndAsync());
            Assert.Empty(await load.StopAsync());
        }
        finally
        {
            proxies.ForEach(proxy => proxy.Dispose());
        }
    }

    // It was waited for too long: the one that let it have the sockets has gone on by itself.
    [Fact]
    public async Task ANewProxyThatServesTooLate_EndsAndLeavesTheEarlierOneServing()
    {
        using Socket traffic = Listening(new IPEndPoint(IPAddress.IPv6Any, port)), admin = Listening(new IPEndPoint(IPAddress.Loopback, port + 1));
        using var door = Listening(new UnixDomainSocketEndPoint(Path.Combine(state, "takeover.sock")));

        using var next = ProxyProcess.StartReading(consul.Address, port, state);
        using (var asking = await door.AcceptAsync(Ct))
        {
            Descriptors.Send(
                asking,
                Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"[::]:{port}\n127.0.0.1:{port + 1}")),
                [traffic.Handle.ToInt32(), admin.Handle.ToInt32()]);
        }

        Assert.Equal(1, await next.EndAsync());
        Assert.Contains("It took more than", await next.OutputAsync(), StringComparison.Ordinal);
    }

    private ProxyProcess Start() => ProxyProcess.Start(consul.Address, port, state);

    private Task<ProxyProcess> StartReadyAsync() => ProxyProcess.StartReadyAsync(consul.Address, port, state);

    private static Socket Listening(EndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(endpoint);
        socket.Listen();
        return socket;
    }

    // Each over a connection of its own; returns when the proxy counts as many.
    private async Task<Task<int>[]> WaitingAsync(string metric, string path, int count)
    {
        Task<int>[] requests = [.. Enumerable.Range(0, count).Select(_ => StatusAsync(path))];
        await Until.TrueAsync(async () =>
        {
            using var metrics = new HttpClient();
            var lines = (await metrics.GetStringAsync($"http://127.0.0.1:{port + 1}/metrics", Ct)).Split('\n');
            return lines.Any(line => line.StartsWith($"{metric}{{service=\"{service.Name}\"", StringComparison.Ordinal)
                && line.EndsWith(string.Create(CultureInfo.InvariantCulture, $" {count}"), StringComparison.Ordinal));
        });
        return requests;
    }

    private async Task<int> StatusAsync(string path)
    {
        using var answer = await http.GetAsync($"http://127.0.0.1:{port}/{service.Name}{path}", Ct);
        return (int)answer.StatusCode;
    }

    private static async Task TalkAsync(AsyncDuplexStreamingCall<string, string> call, string word)
    {
        await call.RequestStream.WriteAsync(word, Ct);
        Assert.True(await call.ResponseStream.MoveNext(Ct).WaitAsync(TimeSpan.FromSeconds(20), Ct));
        Assert.Equal("you said " + word, call.ResponseStream.Current);
    }

    private static async Task AllServedAsync(Task<int>[] requests) =>
        Assert.All(await Task.WhenAll(requests).WaitAsync(TimeSpan.FromSeconds(30), Ct), status => Assert.Equal(200, status));
}
