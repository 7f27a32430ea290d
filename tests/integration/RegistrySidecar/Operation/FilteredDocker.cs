using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>HAProxy before Docker with the shipped <c>docker-filter.cfg</c>, and before it who notes what it refuses.</summary>
internal sealed class FilteredDocker(WebApplication app, Process haproxy, DirectoryInfo folder, int port) : IAsyncDisposable
{
    private readonly HttpClient filter = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What was asked for and refused.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    public Uri Address => new(app.Urls.Single().Replace("http://", "tcp://", StringComparison.Ordinal));

    /// <summary>Starts both, or skips the test where there is no HAProxy.</summary>
    public static async Task<FilteredDocker> StartAsync(Uri endpoint, CancellationToken ct)
    {
        var program = Environment.GetEnvironmentVariable("PATH")!.Split(':').Append("/usr/sbin").Select(path => Path.Combine(path, "haproxy")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "there is no haproxy on this machine");
        var folder = Directory.CreateTempSubdirectory("mesh-filter-");
        var port = FreePort.Next();
        var rules = Path.Combine(folder.FullName, "haproxy.cfg");
        await File.WriteAllTextAsync(rules, await RulesAsync(endpoint, port, ct), ct);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var docker = new FilteredDocker(builder.Build(), Process.Start(program!, ["-db", "-f", rules]), folder, port);
        try
        {
            await docker.StartAsync(ct);
            return docker;
        }
        catch
        {
            await docker.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        filter.Dispose();
        haproxy.Kill(entireProcessTree: true);
        await haproxy.WaitForExitAsync();
        haproxy.Dispose();
        folder.Delete(recursive: true);
    }

    /// <summary>The shipped rules; only where they listen and where Docker is are this machine's.</summary>
    private static async Task<string> RulesAsync(Uri endpoint, int port, CancellationToken ct)
    {
        var rules = await File.ReadAllTextAsync(Path.Combine(Repository(), "registry-sidecar", "Operation", "docker-filter.cfg"), ct);
        var docker = endpoint.Scheme == "unix" ? $"unix@{endpoint.AbsolutePath}" : $"{endpoint.Host}:{endpoint.Port}";
        return Replaced(Replaced(rules, "bind 127.0.0.1:2375", $"bind 127.0.0.1:{port}"), "unix@/var/run/docker.sock", docker);
    }

    private static string Replaced(string text, string part, string by)
    {
        Assert.Contains(part, text, StringComparison.Ordinal);
        return text.Replace(part, by, StringComparison.Ordinal);
    }

    private async Task StartAsync(CancellationToken ct)
    {
        app.Run(HandleAsync);
        await app.StartAsync(ct);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await ListensAsync(late.Token))
        {
            Assert.False(haproxy.HasExited, "HAProxy does not take the shipped rules.");
            await timer.WaitForNextTickAsync(late.Token);
        }
    }

    private async Task<bool> ListensAsync(CancellationToken ct)
    {
        using var socket = new TcpClient();
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, ct);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        using var passed = new HttpRequestMessage(
            new HttpMethod(request.Method), $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}{request.Path}{request.QueryString}");
        using var answer = await filter.SendAsync(passed, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        if (answer.StatusCode == HttpStatusCode.Forbidden)
            Refused.Enqueue($"{request.Method} {request.Path}");
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

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ServiceMesh.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }
}
