using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>The ports of the proxy and what is spoken on each.</summary>
internal static class Endpoints
{
    public static void AddListening(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ListeningOptions>().BindConfiguration("Proxy").ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<ListeningOptions>, ListeningOptionsValidator>();
        builder.Services.AddSingleton<CertificateKeeper>();
        builder.Services.AddHostedService(services => services.GetRequiredService<CertificateKeeper>());
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel((_, kestrel) => Listen(
            kestrel,
            kestrel.ApplicationServices.GetRequiredService<IOptions<ProxyOptions>>().Value.Port,
            kestrel.ApplicationServices.GetRequiredService<IOptions<ListeningOptions>>().Value));
    }

    private static void Listen(KestrelServerOptions kestrel, int port, ListeningOptions options)
    {
        kestrel.AddServerHeader = false;
        // The service behind knows how large a body may be; the proxy does not.
        kestrel.Limits.MaxRequestBodySize = null;

        kestrel.ListenAnyIP(port, http => http.Protocols = HttpProtocols.Http1);
        if (options.HttpsPort is { } httpsPort)
        {
            var certificates = kestrel.ApplicationServices.GetRequiredService<CertificateKeeper>();
            kestrel.ListenAnyIP(httpsPort, https => https.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = client => ValueTask.FromResult(certificates.Choose(client.ClientHelloInfo.ServerName)),
            }));
        }

        if (options.H2cPort is { } h2cPort)
            kestrel.ListenAnyIP(h2cPort, h2c => h2c.Protocols = HttpProtocols.Http2);
    }
}
