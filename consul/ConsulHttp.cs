using System.Net;
using System.Net.Http.Headers;

namespace Consul;

/// <summary>The HTTP client and its requests.</summary>
internal static class ConsulHttp
{
    // Consul allows one address 200; a mesh has several clients on a host.
    private const int MaxConnections = 16;
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(5);

    // An agent whose host vanished without a word is found out: all queries share one connection. One that only stands still for a
    // while keeps it, or it would have to tell everything anew.
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(15);

    public static HttpClient Client(ConsulClientConfiguration config)
    {
        var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = MaxConnections,
            PooledConnectionLifetime = ConnectionLifetime,
            KeepAlivePingDelay = PingAfter,
            KeepAlivePingTimeout = GoneAfter,
            ConnectTimeout = config.RequestTimeout,
            UseCookies = false,
            // A redirected PUT would arrive as a GET.
            AllowAutoRedirect = false,
            SslOptions = ConsulTls.Options(config),
        };
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public static HttpRequestMessage Request(ConsulCall call, Uri target)
    {
        var request = new HttpRequestMessage(call.Method, target)
        {
            // Over TLS the agent speaks HTTP/2: many blocking queries then share one connection.
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (call.Body is { } body)
            request.Content = new ByteArrayContent(body);
        if (!string.IsNullOrEmpty(call.Token))
            request.Headers.TryAddWithoutValidation("X-Consul-Token", ConsulConfigurationCheck.Token(call.Token));
        return request;
    }
}
