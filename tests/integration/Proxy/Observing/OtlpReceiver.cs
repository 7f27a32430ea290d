using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.Tests.Integration.Proxy.Observing;

/// <summary>Takes spans as a collector does (OTLP over HTTP, or gRPC by HTTP/2), and keeps the bytes.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<byte[]> bodies = new();
    private readonly WebApplication app;

    private OtlpReceiver(HttpProtocols protocols)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, http => http.Protocols = protocols));
        app = builder.Build();
        app.Map("/v1/traces", traces => traces.Run(async context =>
        {
            await KeepAsync(context);
            context.Response.ContentType = "application/x-protobuf";
        }));
        app.Map("/opentelemetry.proto.collector.trace.v1.TraceService/Export", traces => traces.Run(async context =>
        {
            await KeepAsync(context);
            context.Response.ContentType = "application/grpc";
            // A message of nothing.
            await context.Response.Body.WriteAsync(new byte[5], context.RequestAborted);
            context.Response.AppendTrailer("grpc-status", "0");
        }));
    }

    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static async Task<OtlpReceiver> StartAsync(HttpProtocols protocols = HttpProtocols.Http1)
    {
        var receiver = new OtlpReceiver(protocols);
        await receiver.app.StartAsync();
        return receiver;
    }

    /// <summary>Whether all of this stands in one of the messages.</summary>
    public bool Has(params byte[][] parts) => bodies.Any(body => parts.All(part => body.AsSpan().IndexOf(part) >= 0));

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task KeepAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        bodies.Enqueue(body.ToArray());
    }
}
