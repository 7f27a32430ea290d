using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>
/// The clients that ask the instances: one for each version of HTTP and each patience with a connection, and all instances share
/// them, for they keep a pool of connections for each address anyway.
/// </summary>
internal sealed class Upstream : IDisposable
{
    // RFC 9110, section 10.1.1: whoever asked whether the body is wanted does not wait for ever for the answer.
    private static readonly TimeSpan ContinueWait = TimeSpan.FromSeconds(5);

    // Few, whatever the routes say, and each half as patient as the one before: 5 s to 5 ms.
    private const int Patiences = 11;
    private static readonly TimeSpan LongestConnect = TimeSpan.FromSeconds(5);

    private readonly Lazy<HttpMessageInvoker>[] http1;
    private readonly Lazy<HttpMessageInvoker>[] http2;

    public Upstream(IOptions<ProxyOptions> options)
    {
        var trusted = options.Value.UpstreamCa is { Length: > 0 } file ? Trusting(file) : null;
        http1 = ForEachPatience(connect => Handler(InstanceStream.ConnectAsync, connect));
        http2 = ForEachPatience(connect =>
        {
            var handler = Handler(InstanceStream.ConnectSharedAsync, connect);
            handler.EnableMultipleHttp2Connections = true;
            if (trusted is not null)
                handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trusted };
            return handler;
        });
    }

    /// <summary>
    /// The client that speaks a route's protocol. It gives up a connection before the route's time is over: of a request that was
    /// never sent it is known then that any other instance may have it.
    /// </summary>
    public HttpMessageInvoker ClientOf(Route route) => (route.Upstream == UpstreamProtocol.Http ? http1 : http2)[PatienceOf(route)].Value;

    /// <summary>The instance's address in a route's protocol.</summary>
    /// <param name="route">The route.</param>
    /// <param name="url">The instance's address, <c>http://host:port</c>.</param>
    public static string AddressOf(Route route, string url) =>
        route.Upstream == UpstreamProtocol.H2 ? string.Concat("https", url.AsSpan("http".Length)) : url;

    public void Dispose()
    {
        foreach (var client in http1.Concat(http2).Where(client => client.IsValueCreated))
            client.Value.Dispose();
    }

    /// <summary>How often the longest patience with a connection is halved for a route.</summary>
    public static int PatienceOf(Route route)
    {
        // Not half of it: of 2 s that would leave less than the second after which the kernel repeats a lost SYN.
        var (halvings, limit) = (0, (route.Timeout ?? Route.DefaultTimeout) * 0.75);
        for (var connect = LongestConnect; connect > limit && halvings < Patiences - 1; connect /= 2)
            halvings++;
        return halvings;
    }

    private static Lazy<HttpMessageInvoker>[] ForEachPatience(Func<TimeSpan, SocketsHttpHandler> handler) =>
    [
        .. Enumerable.Range(0, Patiences).Select(halvings => new Lazy<HttpMessageInvoker>(() => new HttpMessageInvoker(new PromptBody.Handler(handler(LongestConnect / (1 << halvings)))))),
    ];

    private static SocketsHttpHandler Handler(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect, TimeSpan timeout) => new()
    {
        ConnectCallback = connect,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = timeout,
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
