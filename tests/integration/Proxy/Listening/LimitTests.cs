using System.Net;
using System.Net.Sockets;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

public sealed class LimitTests(ConsulFixture consul)
{
    private const int Streams = 10;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task Headers_BeyondTheirSize_Get431(int headers)
    {
        await using var proxy = await StartAsync(("MaxHeadersSize", "2048"));
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync(
            $"GET /services HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, headers).Select(n => $"X-{n}: {new string('a', 2048 / headers)}\r\n"))}\r\n");

        Assert.Equal(431, answer.Status);
        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Headers_BeyondTheirSizeByHttp2_AreRefused()
    {
        await using var proxy = await StartAsync(("MaxHeadersSize", "2048"), ("H2cPort", "0"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://localhost:{proxy.Ports[1]}/services")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (var n in Enumerable.Range(0, 40))
            request.Headers.Add($"X-{n}", new string('a', 100));

        try
        {
            using var answer = await proxy.Http.SendAsync(request, Ct);
            Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, answer.StatusCode);
        }
        catch (HttpRequestException error)
        {
            // The connection is ended with it (RFC 9113 10.5.1 leaves the choice), while more is sent maybe.
            Assert.Contains(error.HttpRequestError, (HttpRequestError[])[HttpRequestError.HttpProtocolError, HttpRequestError.Unknown]);
        }
    }

    // Kestrel's own numbers, as the README tells them.
    [Theory]
    [InlineData(100, 200)]
    [InlineData(101, 431)]
    public async Task Headers_BeyondAHundred_Get431(int headers, int expected)
    {
        await using var proxy = await StartAsync();
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync($"GET /services HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(1, headers - 1).Select(n => $"X-{n}: a\r\n"))}\r\n");

        Assert.Equal(expected, answer.Status);
    }

    [Fact]
    public async Task Streams_OfAConnectionByHttp2_AreAHundredAtMost()
    {
        await using var proxy = await StartAsync(("H2cPort", "0"));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
        await client.GetStream().WriteAsync(Http2Wire.Greeting, Ct);

        var head = new byte[9];
        await client.GetStream().ReadExactlyAsync(head, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);
        var settings = new byte[head[2]];
        await client.GetStream().ReadExactlyAsync(settings, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);

        Assert.Equal(Http2Wire.Settings, head[3]);
        // SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, section 6.5.2).
        Assert.Contains(settings.Chunk(6), one => one is [0, 3, 0, 0, 0, 100]);
    }

    [Fact]
    public async Task FirstLine_BeyondItsSize_Gets414()
    {
        await using var proxy = await StartAsync(("MaxRequestLine", "1024"));
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync($"GET /{new string('a', 1024)} HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.Equal(414, answer.Status);
        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Headers_ThatTakeTooLong_Get408AndTheConnectionEnds()
    {
        await using var proxy = await StartAsync(("HeadersTimeout", "00:00:01"));
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync("GET /services HTTP/1.1\r\nHost: a\r\nX-Slow: ");

        Assert.Equal(408, answer.Status);
        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Body_ThatComesTooSlowly_Gets408AndTheConnectionEnds()
    {
        await using var proxy = await StartAsync(("MinBodyRate", "1000"));
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(proxy, backend);
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync($"POST /{service.Name}/body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");

        Assert.Equal(408, answer.Status);
        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Answer_ThatIsReadTooSlowly_IsCut()
    {
        // What the buffers on the way take in at once counts as read: by a low rate it would be enough for hours.
        await using var proxy = await StartAsync(("MinBodyRate", "100000000"));
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(proxy, backend);
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        await raw.SendAsync($"GET /{service.Name}/large HTTP/1.1\r\nHost: a\r\n\r\n");

        await InFlightAsync(proxy, service, 1);
        await InFlightAsync(proxy, service, 0);
        Assert.InRange(await raw.CountRestAsync(), 1, Backend.Large - 1);
    }

    [Fact]
    public async Task Connection_WithoutARequest_EndsAfterTheIdleTimeout()
    {
        await using var proxy = await StartAsync(("IdleTimeout", "00:00:01"));
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        Assert.Equal(200, (await raw.AskAsync("GET /services HTTP/1.1\r\nHost: a\r\n\r\n")).Status);

        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Connections_BeyondTheirNumber_AreClosedAndOthersServedOn()
    {
        await using var proxy = await StartAsync(("MaxConnections", "2"), ("H2cPort", "0"));
        await using var first = await RawConnection.OpenAsync(proxy.Ports[0]);
        await using var second = await RawConnection.OpenAsync(proxy.Ports[0]);
        const string Request = "GET /services HTTP/1.1\r\nHost: a\r\n\r\n";
        Assert.Equal(200, (await first.AskAsync(Request)).Status);
        Assert.Equal(200, (await second.AskAsync(Request)).Status);

        // Whatever port it comes to.
        foreach (var port in proxy.Ports)
        {
            await using var third = await RawConnection.OpenAsync(port);
            Assert.Equal(0, await third.CountRestAsync());
        }

        Assert.Equal(200, (await first.AskAsync(Request)).Status);
        await second.DisposeAsync();
        await Until.TrueAsync(async () =>
        {
            await using var other = await RawConnection.OpenAsync(proxy.Ports[0]);
            await other.SendAsync(Request);
            return await other.ReadAnswerAsync() is { Status: 200 };
        });
    }

    [Fact]
    public async Task Streams_ResetAgainAndAgainByHttp2_EndTheConnection()
    {
        await using var proxy = await StartAsync(("H2cPort", "0"));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
        var stream = client.GetStream();
        await stream.WriteAsync(Http2Wire.Greeting, Ct);

        // Rapid reset (CVE-2023-44487): requests that are taken back as soon as they are sent.
        var ended = stream.CopyToAsync(Stream.Null, Ct);
        var sent = 0;
        try
        {
            for (; sent < 20_000 && !ended.IsCompleted; sent++)
            {
                // CANCEL, as soon as it is asked.
                await stream.WriteAsync(Http2Wire.Request("GET", "/", (2 * sent) + 1, isEnd: true), Ct);
                await stream.WriteAsync(Http2Wire.Frame(Http2Wire.Reset, flags: 0, (2 * sent) + 1, 0, 0, 0, 8), Ct);
            }

            await ended.WaitAsync(TimeSpan.FromSeconds(10), Ct);
        }
        catch (IOException)
        {
            // Ended by a reset.
        }

        Assert.True(sent < 20_000, "all of them were taken");
        await using var other = await RawConnection.OpenAsync(proxy.Ports[0]);
        Assert.Equal(200, (await other.AskAsync("GET /services HTTP/1.1\r\nHost: a\r\n\r\n")).Status);
    }

    [Theory]
    [InlineData("")]
    // The beginning of a greeting of 512 bytes.
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000")]
    public async Task Handshake_OfTlsThatTakesTooLong_EndsTheConnection(string begin)
    {
        using var files = new PemFiles();
        files.Write("default", ["localhost"]);
        await using var proxy = await StartAsync(("HeadersTimeout", "00:00:01"), ("HttpsPort", "0"), ("Certificates", files.Folder));
        // By itself Kestrel waits for ten seconds.
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[1], patience: TimeSpan.FromSeconds(9));

        await raw.SendAsync(begin);

        Assert.True(await raw.IsClosedAsync());
    }

    [Fact]
    public async Task Streams_OfHttp2ThatNobodyReads_HoldUpNoOthersAndAreNotGathered()
    {
        await using var proxy = await StartAsync(("H2cPort", "0"), ("MinBodyRate", "0"));
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(proxy, backend);
        using var client = await AskWithoutReadingAsync(proxy, service);

        foreach (var (port, version) in new[] { (proxy.Ports[0], HttpVersion.Version11), (proxy.Ports[1], HttpVersion.Version20) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://localhost:{port}/{service.Name}/a") { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var answer = await proxy.Http.SendAsync(request, Ct);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        // The instance is held up, too. What it did send is in the buffers of the sockets between.
        Assert.InRange(await SentAsync(backend), 1, Streams * (long)Backend.Large / 2);
        client.Close();
        await InFlightAsync(proxy, service, 0);
    }

    [Fact]
    public async Task Streams_OfHttp2ThatNobodyReads_AreCut()
    {
        await using var proxy = await StartAsync(("H2cPort", "0"), ("MinBodyRate", "100000000"));
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(proxy, backend);
        using var client = await AskWithoutReadingAsync(proxy, service);

        await InFlightAsync(proxy, service, 0);
    }

    /// <summary>What was taken from it, once nothing more is.</summary>
    private static async Task<long> SentAsync(Backend backend)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        using var looks = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        for (var before = -1L; before != backend.Sent; await looks.WaitForNextTickAsync(late.Token))
            before = backend.Sent;
        return backend.Sent;
    }

    private static async Task<TcpClient> AskWithoutReadingAsync(RunningProxy proxy, ServiceOnConsul service)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
        await client.GetStream().WriteAsync(
            (byte[])[.. Http2Wire.Greeting, .. Enumerable.Range(0, Streams).SelectMany(n => Http2Wire.Request("GET", $"/{service.Name}/large", (2 * n) + 1, isEnd: true))], Ct);
        await InFlightAsync(proxy, service, Streams);
        return client;
    }

    private Task<RunningProxy> StartAsync(params (string Name, string Value)[] settings) => RunningProxy.StartAsync(
        consul.Address, state: null, settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));

    private static Task InFlightAsync(RunningProxy proxy, ServiceOnConsul service, int count) => proxy.UntilAsync(
        service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == count);

    private async Task<ServiceOnConsul> ServedAsync(RunningProxy proxy, Backend backend)
    {
        var service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index && account.GetProperty("instances").GetArrayLength() == 1);
        return service;
    }
}
