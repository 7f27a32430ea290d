using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>A filter before Docker that lets through what the shipped <c>docker-filter.cfg</c> allows, and nothing else.</summary>
internal sealed class FilteredDocker(WebApplication app, HttpClient docker, IReadOnlyList<Regex> asked) : IAsyncDisposable
{
    /// <summary>What was asked for and refused.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    public Uri Address => new(app.Urls.Single().Replace("http://", "tcp://", StringComparison.Ordinal));

    public static async Task<FilteredDocker> StartAsync(Uri endpoint, CancellationToken ct)
    {
        var rules = await File.ReadAllLinesAsync(Path.Combine(Repository(), "registry-sidecar", "Operation", "docker-filter.cfg"), ct);
        var asked = rules.Where(line => line.Contains("acl asked path_reg", StringComparison.Ordinal))
            .Select(line => new Regex(line.Split('\'')[1], RegexOptions.NonBacktracking)).ToList();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var filter = new FilteredDocker(builder.Build(), ClientOf(endpoint), asked);
        filter.Start();
        await filter.StartedAsync(ct);
        return filter;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        docker.Dispose();
    }

    private void Start() => app.Run(HandleAsync);

    private Task StartedAsync(CancellationToken ct) => app.StartAsync(ct);

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        if (!HttpMethods.IsGet(request.Method) || !asked.Any(rule => rule.IsMatch(request.Path)))
        {
            Refused.Enqueue($"{request.Method} {request.Path}");
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        using var answer = await docker.GetAsync(
            $"http://docker{request.Path}{request.QueryString}", HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await context.Response.StartAsync(context.RequestAborted);
        await using var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        var buffer = new byte[16 * 1024];
        while (await body.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    private static HttpClient ClientOf(Uri endpoint) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var isUnix = endpoint.Scheme == "unix";
            var socket = isUnix
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                : new Socket(SocketType.Stream, ProtocolType.Tcp);
            EndPoint target = isUnix ? new UnixDomainSocketEndPoint(endpoint.AbsolutePath) : new DnsEndPoint(endpoint.Host, endpoint.Port);
            await socket.ConnectAsync(target, ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ServiceMesh.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }
}
