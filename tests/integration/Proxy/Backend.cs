using System.Globalization;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ServiceMesh.Tests.Integration.Proxy;

/// <summary>A real HTTP server behind the proxy. It answers with its own name, or holds a request until it is let go.</summary>
internal sealed class Backend : IAsyncDisposable
{
    /// <summary>The length of the answer at <c>/large</c>: more than the buffers on its way take in.</summary>
    public const int Large = 64 << 20;

    private readonly WebApplication app;
    private int asked;
    private int atOnce;
    private int mostAtOnce;
    private readonly TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int probed;
    private long sent;

    private Backend(string name, int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        // It is the proxy whose limits are tested.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MinRequestBodyDataRate = null);
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        app = builder.Build();
        app.UseWebSockets();
        app.Map("/held", held => held.Run(async context =>
        {
            await release.Task;
            await context.Response.WriteAsync(name);
        }));
        // Answers with the given status, and counts.
        app.Map("/status", status => status.Run(context =>
        {
            Interlocked.Increment(ref asked);
            context.Response.StatusCode = int.Parse(context.Request.Path.Value![1..], CultureInfo.InvariantCulture);
            return context.Response.WriteAsync(name);
        }));
        // Answers after a moment in which others may come.
        app.Map("/slow", slow => slow.Run(async context =>
        {
            var now = Interlocked.Increment(ref atOnce);
            InterlockedMax(ref mostAtOnce, now);
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, context.RequestAborted);
            Interlocked.Decrement(ref atOnce);
            await context.Response.WriteAsync(name);
        }));
        app.Map("/health", health => health.Run(context =>
        {
            ProbedFor = context.Request.Host.Value;
            Interlocked.Increment(ref probed);
            context.Response.StatusCode = IsWell ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }));
        app.Map("/large", large => large.Run(async context =>
        {
            var part = new byte[1 << 16];
            for (var left = Large; left > 0; left -= part.Length)
            {
                await context.Response.BodyWriter.WriteAsync(part, context.RequestAborted);
                Interlocked.Add(ref sent, part.Length);
            }
        }));
        // Answers with what it was told of the trace, each header in a line.
        app.Map("/trace", trace => trace.Run(context => context.Response.WriteAsync(
            $"{context.Request.Headers.TraceParent}\n{context.Request.Headers.TraceState}\n{context.Request.Headers.Baggage}")));
        // Answers with the names of the headers that it was sent, before the body and behind it.
        app.Map("/names", names => names.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            var trailers = context.Features.Get<IHttpRequestTrailersFeature>() is { Available: true } behind ? behind.Trailers.Keys : [];
            await context.Response.WriteAsync(string.Join('\n', context.Request.Headers.Keys.Concat(trailers)));
        }));
        app.Map("/socket", socket => socket.Run(EchoAsync));
        app.Run(context => context.Response.WriteAsync(
            $"{name} {context.Request.Path} {context.Request.Headers["X-Forwarded-Prefix"]} {context.Request.Headers["X-Forwarded-For"]}"));
    }

    /// <summary>Whether <c>/health</c> answers 200.</summary>
    public bool IsWell { get; set; } = true;

    /// <summary>How many requests came to <c>/health</c>.</summary>
    public int Probed => Volatile.Read(ref probed);

    /// <summary>The host that the last of them asked for.</summary>
    public string? ProbedFor { get; private set; }

    /// <summary>How many bytes of <c>/large</c> were taken from it.</summary>
    public long Sent => Interlocked.Read(ref sent);

    /// <summary>How many requests came to <c>/status</c>.</summary>
    public int Asked => Volatile.Read(ref asked);

    /// <summary>The most requests that <c>/slow</c> had at once.</summary>
    public int MostAtOnce => Volatile.Read(ref mostAtOnce);

    public int Port => new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <param name="name">What it answers with.</param>
    /// <param name="port">Its port; 0 for a free one.</param>
    public static async Task<Backend> StartAsync(string name, int port = 0)
    {
        var backend = new Backend(name, port);
        await backend.app.StartAsync();
        return backend;
    }

    /// <summary>Lets go all requests to <c>/held</c>.</summary>
    public void Release() => release.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        await app.DisposeAsync();
    }

    private static void InterlockedMax(ref int most, int now)
    {
        for (var seen = Volatile.Read(ref most); seen < now; seen = Volatile.Read(ref most))
            Interlocked.CompareExchange(ref most, now, seen);
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[64];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
            await socket.SendAsync(buffer.AsMemory(0, message.Count), WebSocketMessageType.Text, message.EndOfMessage, context.RequestAborted);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
    }
}
