using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>A real HTTP server that speaks every protocol of a route, each on its own port, and tells what it was asked.</summary>
internal sealed class ProtocolBackend : IAsyncDisposable
{
    public const string CertificateName = "shop.example";

    private readonly X509Certificate2 certificate = SelfSigned();
    private readonly WebApplication app;
    private readonly ConcurrentQueue<string> asked = new();
    private readonly SemaphoreSlim gate = new(0);

    private ProtocolBackend()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.Listen(IPAddress.Loopback, 0, http => http.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, h2 =>
            {
                h2.Protocols = HttpProtocols.Http2;
                h2.UseHttps(certificate);
            });
            kestrel.Listen(IPAddress.Loopback, 0, h2c => h2c.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<IServiceMethodProvider<EchoService>, EchoMethods>();
        builder.Services.AddSingleton(Calls);
        app = builder.Build();
        app.UseWebSockets();
        app.Use(async (context, next) =>
        {
            asked.Enqueue(context.Request.Path);
            await next();
        });
        app.MapGrpcService<EchoService>();
        app.Map("/tell", TellAsync);
        app.Map("/copy", CopyAsync);
        app.Map("/count", CountAsync);
        app.Map("/refuse", context =>
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        });
        app.Map("/headers", HeadersAsync);
        app.Map("/trailers", TrailersAsync);
        app.Map("/steps", StepsAsync);
        app.Map("/silent", context => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted));
        app.Map("/socket", EchoAsync);
    }

    /// <summary>The paths that it was asked for.</summary>
    public IReadOnlyCollection<string> Asked => asked;

    public Calls Calls { get; } = new();

    /// <summary>The certificate of its TLS port, PEM.</summary>
    public string Certificate => certificate.ExportCertificatePem();

    public static async Task<ProtocolBackend> StartAsync()
    {
        var backend = new ProtocolBackend();
        await backend.app.StartAsync(TestContext.Current.CancellationToken);
        return backend;
    }

    public int PortOf(UpstreamProtocol protocol) => new Uri(app.Urls.ElementAt((int)protocol)).Port;

    /// <summary>Lets <c>/steps</c> go on by one.</summary>
    public void Step() => gate.Release();

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        certificate.Dispose();
        gate.Dispose();
    }

    // What came: the protocol, the target, and each header as a line of its own.
    private static Task TellAsync(HttpContext context)
    {
        var request = context.Request;
        var told = new Told(
            request.Protocol,
            request.Method,
            context.Features.Get<IHttpRequestFeature>()!.RawTarget,
            request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase));
        return context.Response.WriteAsync(JsonSerializer.Serialize(told), context.RequestAborted);
    }

    // Whole before it answers: not every client reads an answer while it still sends.
    private static async Task CopyAsync(HttpContext context)
    {
        using var whole = new MemoryStream();
        await context.Request.Body.CopyToAsync(whole, context.RequestAborted);
        whole.Position = 0;
        await whole.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task CountAsync(HttpContext context)
    {
        var (buffer, count) = (new byte[16 * 1024], 0L);
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
            count += read;
        await context.Response.WriteAsync($"{count}", context.RequestAborted);
    }

    private static Task HeadersAsync(HttpContext context)
    {
        context.Response.Headers.Append("Set-Cookie", "a=1");
        context.Response.Headers.Append("Set-Cookie", "b=2");
        context.Response.Headers["X-Latin"] = "caf\u00e9";
        context.Response.Headers.Server = "backend";
        context.Response.Headers["X-Hop"] = "1";
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
            context.Response.Headers.Connection = "X-Hop";
        return Task.CompletedTask;
    }

    private static async Task TrailersAsync(HttpContext context)
    {
        context.Response.DeclareTrailer("X-Sum");
        await context.Response.WriteAsync("body", context.RequestAborted);
        context.Response.AppendTrailer("X-Sum", "42");
    }

    // One part of an event stream each time that the test lets it go on.
    private async Task StepsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.Body.FlushAsync(context.RequestAborted);
        for (var n = 1; n <= 3; n++)
        {
            await gate.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync($"data: {n}\n\n", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync(context.WebSockets.WebSocketRequestedProtocols.FirstOrDefault());
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, context.RequestAborted);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, context.Request.Protocol, context.RequestAborted);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(CertificateName);
        names.AddIpAddress(IPAddress.Loopback);
        var request = new CertificateRequest("CN=backend", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(10));
    }
}

/// <summary>A request as the backend got it.</summary>
internal sealed record Told(string Protocol, string Method, string Target, IReadOnlyDictionary<string, string> Headers)
{
    public string? this[string name] => Headers.FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
}
