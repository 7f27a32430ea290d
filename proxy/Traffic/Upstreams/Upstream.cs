using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>The clients that ask the instances: one for each version of HTTP, and all instances share them, for they keep a pool of connections for each address anyway.</summary>
internal sealed class Upstream : IDisposable
{
    // RFC 9110, section 10.1.1: whoever asked whether the body is wanted does not wait for ever for the answer.
    private static readonly TimeSpan ContinueWait = TimeSpan.FromSeconds(5);

    private readonly HttpMessageInvoker http1;
    private readonly HttpMessageInvoker http2;

    public Upstream(IOptions<ProxyOptions> options)
    {
        http1 = new HttpMessageInvoker(Handler(InstanceStream.ConnectAsync));
        var handler = Handler(InstanceStream.ConnectSharedAsync);
        handler.EnableMultipleHttp2Connections = true;
        if (options.Value.UpstreamCa is { Length: > 0 } file)
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trusting(file) };
        http2 = new HttpMessageInvoker(handler);
    }

    /// <summary>The client that speaks a route's protocol.</summary>
    public HttpMessageInvoker ClientOf(Route route) => route.Upstream == UpstreamProtocol.Http ? http1 : http2;

    /// <summary>The instance's address in a route's protocol.</summary>
    /// <param name="route">The route.</param>
    /// <param name="url">The instance's address, <c>http://host:port</c>.</param>
    public static string AddressOf(Route route, string url) =>
        route.Upstream == UpstreamProtocol.H2 ? string.Concat("https", url.AsSpan("http".Length)) : url;

    public void Dispose()
    {
        http1.Dispose();
        http2.Dispose();
    }

    private static SocketsHttpHandler Handler(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect) => new()
    {
        ConnectCallback = connect,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        Expect100ContinueTimeout = ContinueWait,
        // As Kestrel read them. Without it a header beyond ASCII would fail the request.
        RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
        // What is told of the trace is written with the other headers; the client's own spans would put themselves in between.
        ActivityHeadersPropagator = null,
    };

    private static X509ChainPolicy Trusting(string file)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (CryptographicException error)
        {
            throw new InvalidOperationException($"upstreamCa '{file}' holds no certificates in PEM form: {error.Message}", error);
        }

        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new InvalidOperationException($"upstreamCa '{file}' holds no certificate: name a file of certificates in PEM form (--upstream-ca or PROXY_UPSTREAM_CA)");
    }
}
