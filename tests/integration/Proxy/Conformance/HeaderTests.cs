using System.Net;
using System.Text;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>Which headers an instance and a client get of each other, and what the proxy adds.</summary>
public sealed class HeaderTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>, IDisposable
{
    private readonly HttpClient http = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Request_FromAnyone_TellsWhoAskedAndHow(string client, UpstreamProtocol upstream)
    {
        var service = mesh.ServiceOf(upstream).Name;
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service}/tell");
        request.Headers.Host = "www.example:81";
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "6.6.6.6");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", "https");
        request.Headers.TryAddWithoutValidation("Forwarded", "for=6.6.6.6");

        var told = await ConformanceFixture.ToldAsync(http, request);

        Assert.Equal(upstream == UpstreamProtocol.H2 ? $"127.0.0.1:{mesh.Backend.PortOf(upstream)}" : "www.example:81", told["Host"]);
        Assert.Equal(
            ("127.0.0.1", "http", "www.example:81", $"/{service}", "for=127.0.0.1;host=\"www.example:81\";proto=http"),
            (told["X-Forwarded-For"], told["X-Forwarded-Proto"], told["X-Forwarded-Host"], told["X-Forwarded-Prefix"], told["Forwarded"]));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Request_ByTls_IsToldOfAndItsCookieIsForTlsAlone(string client)
    {
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route);
        var index = await service.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        await mesh.Proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
        using var https = mesh.Certificates.TrustingClient();
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/tell", "https");

        using var byTls = await https.SendAsync(mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/tell", "https"), Ct);
        var told = await ConformanceFixture.ToldAsync(https, request);
        using var without = await http.SendAsync(mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/tell"), Ct);

        Assert.Equal(("https", $"for=127.0.0.1;host=\"{request.RequestUri!.Authority}\";proto=https"), (told["X-Forwarded-Proto"], told["Forwarded"]));
        Assert.Equal((true, false), (IsSecure(byTls), IsSecure(without)));

        static bool IsSecure(HttpResponseMessage answer) => answer.Headers.GetValues("Set-Cookie").Single().Contains("; secure", StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Request_FromATrustedProxy_PassesOnWhatThatSays()
    {
        await using var proxy = await mesh.StartProxyAsync(KeyValuePair.Create<string, string?>("TrustedProxies", "127.0.0.0/8"));
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, proxy);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(proxy.Http.BaseAddress!, $"/{service.Name}/tell"));
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "6.6.6.6");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", "https");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Host", "www.example");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Prefix", "/outer");
        request.Headers.TryAddWithoutValidation("Forwarded", "for=6.6.6.6");

        var told = await ConformanceFixture.ToldAsync(http, request);

        Assert.Equal(
            ("6.6.6.6, 127.0.0.1", "https", "www.example", $"/outer/{service.Name}", $"for=6.6.6.6, for=127.0.0.1;host=\"127.0.0.1:{proxy.Http.BaseAddress!.Port}\";proto=http"),
            (told["X-Forwarded-For"], told["X-Forwarded-Proto"], told["X-Forwarded-Host"], told["X-Forwarded-Prefix"], told["Forwarded"]));
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task Request_HeadersOfTheConnection_StayAtTheProxy(UpstreamProtocol upstream)
    {
        await using var connection = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        await connection.SendAsync(
            $"GET /{mesh.ServiceOf(upstream).Name}/tell HTTP/1.0\r\nHost: a.example\r\nConnection: X-Secret, X-Forwarded-For, Host, Trailer\r\nX-Secret: 1\r\nTrailer: X-Sum\r\n"
            + "Keep-Alive: timeout=5\r\nTE: gzip\r\nProxy-Authorization: Basic eA==\r\nX-Kept: 2\r\n\r\n");
        var (status, told) = await connection.ReadToldAsync();

        Assert.Equal("HTTP/1.1 200 OK", status);
        Assert.Empty(told.Headers.Keys.Intersect(["Connection", "X-Secret", "Trailer", "Keep-Alive", "TE", "Proxy-Authorization"], StringComparer.OrdinalIgnoreCase));
        Assert.Equal(("2", "127.0.0.1", "a.example"), (told["X-Kept"], told["X-Forwarded-For"], told["Host"]));
    }

    // All that YARP takes for one connection's, in either direction, and nothing else that begins like it.
    [Fact]
    public async Task Headers_ThatAreForOneConnection_StayAtTheProxyInBothDirections()
    {
        string[] dropped =
        [
            "Keep-Alive", "Upgrade", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Features",
            "Proxy-Instruction", "Security-Scheme", "ALPN", "Close", "HTTP2-Settings", "Upgrade-Insecure-Requests", "TE", "Alt-Svc",
        ];
        string[] kept = ["Proxy-Status", "Trailer", "X-Kept"];
        var headers = string.Concat(dropped.Concat(kept).Select(name => $"{name}: x-any\r\n"));
        var asked = "";
        await using var instance = RawInstance.Start(request =>
        {
            asked = request.Head;
            return request.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{headers}\r\n");
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var connection = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);

        var answer = await connection.AskAsync($"GET /{service.Name}/ HTTP/1.1\r\nHost: a.example\r\n{headers}\r\n");

        var names = asked.Split("\r\n").Select(line => line.Split(':')[0]).ToArray();
        Assert.Empty(names.Concat(answer.Headers.Keys).Intersect(dropped, StringComparer.OrdinalIgnoreCase));
        Assert.Equal(kept, kept.Intersect(names, StringComparer.OrdinalIgnoreCase));
        Assert.Equal(kept, kept.Intersect(answer.Headers.Keys, StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Websocket_AHeaderNamedBesideTheUpgrade_StaysAtTheProxy()
    {
        var asked = "";
        await using var instance = RawInstance.Start(async request =>
        {
            asked = request.Head;
            await request.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
            await request.ClosedAsync();
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var connection = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        await connection.SendAsync(
            $"GET /{service.Name}/ HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, X-Secret\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Secret: 1\r\nX-Kept: 2\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 101", await connection.HeadAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain("X-Secret", asked, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Kept: 2", asked, StringComparison.Ordinal);
        Assert.Contains("Upgrade: websocket", asked, StringComparison.Ordinal);
    }

    // Kestrel by itself tells of the word alone that it knows.
    [Theory]
    [InlineData("Connection: close, X-Secret")]
    [InlineData("Connection: close\r\nConnection: X-Secret")]
    [InlineData("Connection: X-Secret, keep-alive")]
    [InlineData("Connection: X-Secret\r\nConnection: keep-alive")]
    [InlineData("Connection: Upgrade, x-secret\r\nUpgrade: h2c")]
    public async Task Request_AHeaderNamedBesideAKnownWord_StaysAtTheProxyAndTheConnectionEnds(string named)
    {
        await using var connection = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        await connection.SendAsync($"GET /{mesh.ServiceOf(UpstreamProtocol.Http).Name}/tell HTTP/1.1\r\nHost: a.example\r\n{named}\r\nX-Secret: 1\r\nX-Kept: 2\r\n\r\n");
        var (status, told) = await connection.ReadToldAsync();

        Assert.Equal(("HTTP/1.1 200 OK", null, "2", null), (status, told["X-Secret"], told["X-Kept"], told["Connection"]));
    }

    // As Java's client asks first over each connection: it names what is dropped anyway, and the connection is kept.
    [Fact]
    public async Task Request_TheOfferOfHttp2_StaysAtTheProxyAndTheConnectionIsKept()
    {
        await using var connection = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);
        var request = $"GET /{mesh.ServiceOf(UpstreamProtocol.Http).Name}/tell HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n\r\n";

        foreach (var _ in Enumerable.Range(0, 2))
        {
            var answer = await connection.AskAsync(request);
            Assert.Equal((200, false), (answer.Status, answer.IsLast));
            Assert.DoesNotContain("HTTP2-Settings", answer.Body, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Answer_AHeaderNamedBesideClose_StaysAtTheProxy()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n");
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var connection = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);

        var answer = await connection.AskAsync($"GET /{service.Name}/ HTTP/1.1\r\nHost: a.example\r\n\r\n");

        Assert.Equal((200, false, "2"), (answer.Status, answer.Headers.ContainsKey("X-Hop"), answer.Headers["X-Kept"]));
    }

    [Fact]
    public async Task Request_TeTrailersOverHttp2_IsPassedOn()
    {
        using var request = mesh.Request(HttpVersion.Version20, HttpMethod.Get, $"/{mesh.ServiceOf(UpstreamProtocol.H2c).Name}/tell");
        request.Headers.TryAddWithoutValidation("TE", "trailers");

        Assert.Equal("trailers", (await ConformanceFixture.ToldAsync(http, request))["TE"]);
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Answer_ItsHeaders_ArriveButThoseOfTheConnection(string client, UpstreamProtocol upstream)
    {
        // As the instance meant it, byte by byte.
        using var latin = new HttpClient(new SocketsHttpHandler { ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1 });
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{mesh.ServiceOf(upstream).Name}/headers");

        using var answer = await latin.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(["caf\u00e9"], answer.Headers.GetValues("X-Latin"));
        Assert.Equal(["a=1", "b=2"], answer.Headers.GetValues("Set-Cookie"));
        Assert.Equal("backend", answer.Headers.Server.ToString());
        Assert.Equal(upstream != UpstreamProtocol.Http, answer.Headers.Contains("X-Hop"));
        Assert.Empty(answer.Headers.Connection);
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Header_BeyondAscii_ArrivesOnBothSides(string client, UpstreamProtocol upstream)
    {
        using var utf8 = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 });
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{mesh.ServiceOf(upstream).Name}/tell");
        request.Headers.TryAddWithoutValidation("X-Name", "J\u00f6rg \u4e16");

        Assert.Equal("J\u00f6rg \u4e16", (await ConformanceFixture.ToldAsync(utf8, request))["X-Name"]);
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task Header_OfTheRoute_IsSetAndRemoved(string client, UpstreamProtocol upstream)
    {
        var service = await mesh.ServeAsync(upstream, route => route with
        {
            RequestHeaders = new HeaderChanges { Set = Header("X-Zone", "eu"), Remove = ["X-Debug"] },
            ResponseHeaders = new HeaderChanges { Set = Header("X-Frame-Options", "DENY"), Remove = ["Set-Cookie"] },
        });
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/tell");
        request.Headers.TryAddWithoutValidation("X-Zone", "mine");
        request.Headers.TryAddWithoutValidation("X-Debug", "1");

        var told = await ConformanceFixture.ToldAsync(http, request);
        using var answer = await http.SendAsync(mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/headers"), Ct);

        Assert.Equal(("eu", null), (told["X-Zone"], told["X-Debug"]));
        Assert.Equal(["DENY"], answer.Headers.GetValues("X-Frame-Options"));
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    private static Dictionary<string, string> Header(string name, string value) => new(StringComparer.Ordinal) { [name] = value };
}
