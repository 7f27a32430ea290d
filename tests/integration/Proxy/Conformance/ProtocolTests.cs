using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>Each version of HTTP on the client's side with each protocol on the instance's.</summary>
public sealed class ProtocolTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>, IDisposable
{
    private readonly HttpClient http = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Request_ToAnInstance_ArrivesByTheRoutesProtocol(string client, UpstreamProtocol upstream)
    {
        using var request = Request(client, upstream, HttpMethod.Get, "/tell?x=1&y=%2F");

        var told = await ConformanceFixture.ToldAsync(http, request);

        Assert.Equal((upstream == UpstreamProtocol.Http ? "HTTP/1.1" : "HTTP/2", "GET", "/tell?x=1&y=%2F"), (told.Protocol, told.Method, told.Target));
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Body_OfAnyKind_GoesBothWaysUnchanged(string client, UpstreamProtocol upstream)
    {
        var sent = RandomNumberGenerator.GetBytes(3_000_001);
        foreach (var chunked in new[] { false, true })
        {
            using var request = Request(client, upstream, HttpMethod.Post, "/copy");
            request.Content = chunked ? new StreamContent(new Unsized(sent)) : new ByteArrayContent(sent);

            using var answer = await http.SendAsync(request, Ct);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var received = await answer.Content.ReadAsByteArrayAsync(Ct);
            Assert.True(sent.AsSpan().SequenceEqual(received), $"{received.Length} other bytes came back");
        }
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task AStreamOfEvents_EachOne_ArrivesBeforeTheNextIsSent(string client, UpstreamProtocol upstream)
    {
        var service = await mesh.ServeAsync(upstream, route => route);
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/steps");
        // The headers are here before the first event is.
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
        mesh.Backend.Step();
        using var events = new StreamReader(await answer.Content.ReadAsStreamAsync(Ct));

        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        foreach (var n in Enumerable.Range(1, 3))
        {
            Assert.Equal(($"data: {n}", ""), (await LineAsync(events), await LineAsync(events)));
            if (n < 3)
                mesh.Backend.Step();
        }

        Assert.Null(await LineAsync(events));
    }

    [Fact]
    public async Task ABodyInParts_EachOne_ArrivesBeforeTheNextIsSent()
    {
        string[] parts = ["3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"];
        var arrived = Channel.CreateUnbounded<string>();
        await using var instance = RawInstance.Start(async request =>
        {
            foreach (var part in parts)
                arrived.Writer.TryWrite(await request.ReadAsync(part.Length));
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var client = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);
        await client.SendAsync($"POST /{service.Name}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

        foreach (var part in parts)
        {
            await client.SendAsync(part);
            Assert.Equal(part, await arrived.Reader.ReadAsync(Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct));
        }

        Assert.StartsWith("HTTP/1.1 200", await client.HeadAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task Trailers_OfAnAnswer_ReachAnHttp2Client(UpstreamProtocol upstream)
    {
        using var request = Request("2.0", upstream, HttpMethod.Get, "/trailers");

        using var answer = await http.SendAsync(request, Ct);

        Assert.Equal("body", await answer.Content.ReadAsStringAsync(Ct));
        Assert.Equal(["42"], answer.TrailingHeaders.GetValues("X-Sum"));
    }

    [Fact]
    public async Task Trailers_OfAChunkedHttp1Answer_ReachAnHttp2Client()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n");
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        using var request = mesh.Request(HttpVersion.Version20, HttpMethod.Get, $"/{service.Name}/");

        using var answer = await http.SendAsync(request, Ct);

        Assert.Equal("body", await answer.Content.ReadAsStringAsync(Ct));
        Assert.Equal(["42"], answer.TrailingHeaders.GetValues("X-Sum"));
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public Task AWebsocket_OfEitherVersion_IsConnectedWithTheInstance(string client, UpstreamProtocol upstream) =>
        ConnectedAsync(Version.Parse(client), "ws", upstream);

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public Task AWebsocket_ByTls_IsConnectedWithTheInstance(string client) => ConnectedAsync(Version.Parse(client), "wss", UpstreamProtocol.Http);

    // As RFC 9298 asks for a tunnel of datagrams.
    [Fact]
    public async Task AConnect_ForAnythingButAWebsocket_IsNotImplemented()
    {
        using var request = Request("2.0", UpstreamProtocol.H2c, HttpMethod.Connect, "/tell");
        request.Headers.Protocol = "connect-udp";

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);

        Assert.Equal(HttpStatusCode.NotImplemented, answer.StatusCode);
    }

    private async Task ConnectedAsync(Version version, string scheme, UpstreamProtocol upstream)
    {
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = version;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.AddSubProtocol("chat");
        using var invoker = new HttpMessageInvoker(mesh.Certificates.TrustingHandler());

        await socket.ConnectAsync(new Uri(mesh.AddressFor(version, scheme), $"/{mesh.ServiceOf(upstream).Name}/socket"), invoker, Ct);

        Assert.Equal("chat", socket.SubProtocol);
        foreach (var text in new[] { "one", "two", new string('x', 4000) })
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Ct);
            var buffer = new byte[4096];
            var received = await socket.ReceiveAsync(buffer.AsMemory(), Ct);
            Assert.Equal(text, Encoding.UTF8.GetString(buffer, 0, received.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);
        Assert.Equal(upstream == UpstreamProtocol.Http ? "HTTP/1.1" : "HTTP/2", socket.CloseStatusDescription);
    }

    [Fact]
    public async Task H2_ARouteOfOneHost_IsAskedForByThatName()
    {
        var service = await mesh.ServeAsync(UpstreamProtocol.H2, route => route with { Host = ProtocolBackend.CertificateName });
        using var request = mesh.Request(HttpVersion.Version11, HttpMethod.Get, $"/{service.Name}/tell");
        request.Headers.Host = ProtocolBackend.CertificateName;

        Assert.Equal(ProtocolBackend.CertificateName, (await ConformanceFixture.ToldAsync(http, request))["Host"]);
    }

    [Fact]
    public async Task H2_ACertificateOfAnotherName_Is502()
    {
        var service = await mesh.ServeAsync(UpstreamProtocol.H2, route => route with { Host = "other.example" });
        using var request = mesh.Request(HttpVersion.Version11, HttpMethod.Get, $"/{service.Name}/tell");
        request.Headers.Host = "other.example";

        using var answer = await http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
    }

    [Fact]
    public async Task H2_AnyHost_TheClientDoesNotChooseTheName()
    {
        using var request = Request("1.1", UpstreamProtocol.H2, HttpMethod.Get, "/tell");
        request.Headers.Host = "anything.example";

        var told = await ConformanceFixture.ToldAsync(http, request);

        Assert.Equal($"127.0.0.1:{mesh.Backend.PortOf(UpstreamProtocol.H2)}", told["Host"]);
        Assert.Equal("anything.example", told["X-Forwarded-Host"]);
    }

    private HttpRequestMessage Request(string client, UpstreamProtocol upstream, HttpMethod method, string path) =>
        mesh.Request(Version.Parse(client), method, $"/{mesh.ServiceOf(upstream).Name}{path}");

    private static async Task<string?> LineAsync(StreamReader reader) => await reader.ReadLineAsync(Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);

    /// <summary>Bytes whose number is not known beforehand.</summary>
    private sealed class Unsized(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
