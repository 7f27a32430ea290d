using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using ServiceMesh.Tests.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

public sealed class TlsTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly PemFiles files = new();
    private RunningProxy proxy = null!;
    private string exact = null!;
    private string wildcard = null!;
    private string fallback = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(files.Dispose);
        exact = files.Write("www", ["www.example.org"]);
        wildcard = files.Write("wildcard", ["*.example.org"]);
        fallback = files.Write("default", ["localhost"]);
        proxy = started.Add(await RunningProxy.StartAsync(
            consul.Address, state: null, Setting("HttpsPort", "0"), Setting("H2cPort", "0"), Setting("Certificates", files.Folder), Setting("RedirectToHttps", "true"), Setting("PublicHttpsPort", "8443")));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Handshake_WithAName_GetsTheCertificateForIt()
    {
        Assert.Equal(exact, await ThumbprintAsync("www.example.org"));
        Assert.Equal(wildcard, await ThumbprintAsync("other.example.org"));
        Assert.Equal(fallback, await ThumbprintAsync("elsewhere.test"));
        Assert.Equal(fallback, await ThumbprintAsync(""));
    }

    [Fact]
    public async Task Handshake_WithAnRsaCertificate_BringsTheChainOfItsFile()
    {
        using var root = files.WriteChain("rsa", "rsa.test");
        // A client that knows the root alone, and fetches nothing.
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.Add(root);

        await Until.TrueAsync(async () =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
            await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            try
            {
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "rsa.test", CertificateChainPolicy = policy }, Ct);
                return tls.RemoteCertificate!.GetKeyAlgorithm() == "1.2.840.113549.1.1.1";
            }
            catch (AuthenticationException)
            {
                // The folder is read every two seconds.
                return false;
            }
        });
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Handshake_WithAVersionOfToday_IsMade(SslProtocols version)
    {
        await using var tls = await HandshakeAsync("www.example.org", version);

        Assert.Equal(version, tls.SslProtocol);
    }

    [Fact]
    public async Task Handshake_WithTls11_IsRefusedAndNoErrorOfTheProxys()
    {
        var (port, httpsPort) = (FreePort.Next(), FreePort.Next());
        var state = Directory.CreateTempSubdirectory("mesh-proxy-").FullName;
        started.Add(() => Directory.Delete(state, recursive: true));
        using var process = ProxyProcess.StartReading(
            consul.Address, port, state, "--https-port", $"{httpsPort}", "--certificates", files.Folder);
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 200);

#pragma warning disable SYSLIB0039, CA5397 // That it is refused is what is shown here.
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync("www.example.org", SslProtocols.Tls11, httpsPort));
#pragma warning restore SYSLIB0039, CA5397
        await process.SignalAsync("TERM");

        Assert.DoesNotContain("fail:", await process.OutputAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificate_RenewedOnDisk_IsServedWithoutARestartAndOpenConnectionsStay()
    {
        await using var open = await HandshakeAsync("www.example.org");

        var renewed = files.Write("www", ["www.example.org"]);

        await Until.TrueAsync(async () => await ThumbprintAsync("www.example.org") == renewed);
        Assert.Equal(wildcard, await ThumbprintAsync("other.example.org"));
        await open.WriteAsync("GET /services HTTP/1.1\r\nHost: www.example.org\r\n\r\n"u8.ToArray(), Ct);
        var answer = new byte[12];
        await open.ReadExactlyAsync(answer, Ct);
        Assert.Equal("HTTP/1.1 200"u8.ToArray(), answer);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task Request_OverTls_ReachesTheInstanceInEachVersion(string version)
    {
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(backend);
        using var https = files.TrustingClient();

        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{proxy.Ports[1]}/{service.Name}/a")
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await https.SendAsync(request, Ct);

        Assert.Equal(Version.Parse(version), answer.Version);
        Assert.StartsWith("one /a ", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_ByHttp2WithoutTls_ReachesTheInstanceOnItsOwnPort()
    {
        await using var backend = await Backend.StartAsync("one");
        var service = await ServedAsync(backend);

        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://localhost:{proxy.Ports[2]}/{service.Name}/a")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await proxy.Http.SendAsync(request, Ct);

        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.StartsWith("one /a ", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/a%2Fb/c%2520d?e=f%20g&h", "www.example.org:8000")]
    [InlineData("/", "www.example.org")]
    [InlineData("/a", "[::1]:8000")]
    public async Task Request_WithoutTls_IsSentToTheSameAddressWithIt(string target, string host)
    {
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync($"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal(308, answer.Status);
        Assert.Equal($"https://{(host[0] == '[' ? "[::1]" : "www.example.org")}:8443{target}", answer.Headers["Location"]);
    }

    [Theory]
    [InlineData("CONNECT a:80", 501)]
    [InlineData("OPTIONS *", 204)]
    public async Task Request_ThatAsksForNoAddress_IsNotRedirected(string asked, int expected)
    {
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        Assert.Equal(expected, (await raw.AskAsync($"{asked} HTTP/1.1\r\nHost: a:80\r\n\r\n")).Status);
    }

    [Theory]
    [InlineData("127.0.0.1", 404)]
    [InlineData("127.0.0.2", 308)]
    public async Task Request_ThatCameWithTlsToAProxyBefore_IsServedIfThatOneIsTrusted(string trusted, int expected)
    {
        await using var behind = await RunningProxy.StartAsync(
            consul.Address, state: null, Setting("RedirectToHttps", "true"), Setting("PublicHttpsPort", "443"), Setting("TrustedProxies", trusted));
        await using var raw = await RawConnection.OpenAsync(behind.Ports[0]);

        var answer = await raw.AskAsync("GET /no-such-route HTTP/1.1\r\nHost: www.example.org\r\nX-Forwarded-Proto: https\r\n\r\n");

        Assert.Equal(expected, answer.Status);
    }

    [Fact]
    public async Task Start_WithoutAnyCertificate_SaysWhatIsMissing()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RunningProxy.StartAsync(
            consul.Address, state: null, Setting("HttpsPort", "0"), Setting("Certificates", "no-such-folder")));

        Assert.Contains("no usable certificate is in", error.Message, StringComparison.Ordinal);
        Assert.Contains("no-such-folder", error.Message, StringComparison.Ordinal);
    }

    private async Task<ServiceOnConsul> ServedAsync(Backend backend)
    {
        var service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index && account.GetProperty("instances").GetArrayLength() == 1);
        return service;
    }

    private async Task<string> ThumbprintAsync(string serverName)
    {
        await using var tls = await HandshakeAsync(serverName);
        return tls.RemoteCertificate!.GetCertHashString();
    }

    private async Task<SslStream> HandshakeAsync(string serverName, SslProtocols versions = SslProtocols.None, int? port = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port ?? proxy.Ports[1], Ct);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = serverName, EnabledSslProtocols = versions, RemoteCertificateValidationCallback = files.Trust }, Ct);
        return tls;
    }

    private static KeyValuePair<string, string?> Setting(string name, string value) => KeyValuePair.Create(name, (string?)value);
}
