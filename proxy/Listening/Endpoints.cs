using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>The ports of the proxy and what is spoken on each.</summary>
internal static class Endpoints
{
    /// <summary>First of all: without a certificate nothing else need start.</summary>
    public static void AddCertificates(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ListeningOptions>().BindConfiguration("Proxy").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ListeningOptions>, ListeningOptionsValidator>();
        builder.Services.AddSingleton<CertificateKeeper>();
        builder.Services.AddHostedService(services => services.GetRequiredService<CertificateKeeper>());
    }

    /// <summary>Last of all: whoever takes over from another proxy knows the routes by then.</summary>
    public static void AddListening(this WebApplicationBuilder builder)
    {
        // A line ends in CR LF. Kestrel takes a LF alone, too, as RFC 9112 2.2 allows; other servers do not.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", isEnabled: true);
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddSingleton<NotReady>();
        builder.Services.AddSingleton<OpenConnections>();
        builder.Services.AddSingleton<ListeningSockets>();
        builder.Services.AddSingleton<LeavingProxy>();
        builder.Services.Configure<SocketTransportOptions>(sockets =>
        {
            // Nothing on a request's way blocks, so that it need not change threads.
            sockets.UnsafePreferInlineScheduling = true;
            // To wait with an empty buffer costs a system call more for each request; the buffer is 4 KB a connection.
            sockets.WaitForDataBeforeAllocatingBuffer = false;
        });
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => services.GetRequiredService<ListeningSockets>());
        builder.Services.AddHostedService<GracefulStop>();
        builder.Services.AddHostedService<Takeover>();
        // Each step of the stop has a limit of its own; this one is behind them all.
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<ListeningOptions>>((host, options) => host.ShutdownTimeout =
            options.Value.StopDelay + options.Value.CloseIdleAfter + options.Value.DrainLimit + TimeSpan.FromSeconds(5));

        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel((_, kestrel) => Listen(
            kestrel,
            kestrel.ApplicationServices.GetRequiredService<IOptions<ProxyOptions>>().Value.Port,
            kestrel.ApplicationServices.GetRequiredService<IOptions<ListeningOptions>>().Value));
    }

    private static void Listen(KestrelServerOptions kestrel, int port, ListeningOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = HeaderReading.Of;
        Limit(kestrel.Limits, options);

        kestrel.ConfigureEndpointDefaults(kestrel.ApplicationServices.GetRequiredService<OpenConnections>().CountThoseOf);
        kestrel.ListenAnyIP(port, http => http.Protocols = HttpProtocols.Http1);
        if (options.HttpsPort is { } httpsPort)
        {
            var certificates = kestrel.ApplicationServices.GetRequiredService<CertificateKeeper>();
            kestrel.ListenAnyIP(httpsPort, https =>
            {
                https.Use(WithoutAlarm);
                https.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = options.HeadersTimeout,
                    OnConnection = client => ValueTask.FromResult(certificates.Choose(client.ClientHelloInfo.ServerName)),
                });
            });
        }

        if (options.H2cPort is { } h2cPort)
            kestrel.ListenAnyIP(h2cPort, h2c => h2c.Protocols = HttpProtocols.Http2);
    }

    // .NET ends so the handshake of a client whose TLS is too old to choose a certificate for. That is the client's matter:
    // anybody could fill the log with it.
    private static ConnectionDelegate WithoutAlarm(ConnectionDelegate next) => async connection =>
    {
        try
        {
            await next(connection);
        }
        catch (NotSupportedException)
        {
            // The connection is closed.
        }
    };

    private static void Limit(KestrelServerLimits limits, ListeningOptions options)
    {
        // The service behind, or its route, knows how large a body may be; the proxy as a whole does not.
        limits.MaxRequestBodySize = null;
        limits.RequestHeadersTimeout = options.HeadersTimeout;
        limits.KeepAliveTimeout = options.IdleTimeout;
        limits.MaxRequestHeadersTotalSize = options.MaxHeadersSize;
        limits.MaxRequestLineSize = options.MaxRequestLine;
        // HTTP/2 has no first line: what would stand there is a header.
        limits.Http2.MaxRequestHeaderFieldSize = Math.Max(options.MaxHeadersSize, options.MaxRequestLine);
        var rate = options.MinBodyRate == 0 ? null : new MinDataRate(options.MinBodyRate, gracePeriod: ListeningOptions.RateGrace);
        limits.MinRequestBodyDataRate = rate;
        limits.MinResponseDataRate = rate;
    }
}
