using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Tests.Integration;

/// <summary>An HTTP server of a test's own in front of a real Consul; what it does with a request is the test's affair.</summary>
internal sealed class ConsulForwarder : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpMessageInvoker client = new(new SocketsHttpHandler());
    private int connections;

    private ConsulForwarder(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddHttpForwarder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Use(next => async connection =>
        {
            Interlocked.Increment(ref connections);
            await next(connection);
            Interlocked.Decrement(ref connections);
        })));
        app = builder.Build();
        app.Run(answer);
    }

    public Uri Address => new(app.Urls.Single());

    /// <summary>Open connections.</summary>
    public int Connections => connections;

    public static async Task<ConsulForwarder> StartAsync(RequestDelegate answer)
    {
        var forwarder = new ConsulForwarder(answer);
        await forwarder.app.StartAsync(TestContext.Current.CancellationToken);
        return forwarder;
    }

    /// <summary>Hands a request on, and its answer back.</summary>
    public async Task ForwardAsync(HttpContext context, Uri consul, CancellationToken ct) => await context.RequestServices
        .GetRequiredService<IHttpForwarder>()
        .SendAsync(context, consul.ToString(), client, ForwarderRequestConfig.Empty, HttpTransformer.Default, ct);

    /// <summary>Hands a request on; its answer is lost.</summary>
    public async Task LoseAnswerAsync(HttpContext context, Uri consul, CancellationToken ct)
    {
        context.Response.Body = Stream.Null;
        await ForwardAsync(context, consul, ct);
        context.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        client.Dispose();
    }
}
