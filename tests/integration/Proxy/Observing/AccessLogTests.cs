using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using ServiceMesh.Proxy.Observing;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Observing;

public sealed class AccessLogTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly string folder = Directory.CreateTempSubdirectory("mesh-log-").FullName;
    private Backend backend = null!;
    private ServiceOnConsul service = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Log => Path.Combine(folder, "access.log");

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        started.Add(() => Directory.Delete(folder, recursive: true));
        backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        await service.PromoteAsync("one");
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task EachRequest_IsALineThatTellsOfIt()
    {
        await using (var proxy = await RunningProxy.StartAsync(consul.Address, state: null, new KeyValuePair<string, string?>("AccessLog", Log)))
        {
            await proxy.UntilAsync(service.Name, account => account.GetProperty("instances").GetArrayLength() == 1);
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/{service.Name}/a?secret=1") { Headers = { { "User-Agent", "test/1" }, { "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } } };
            (await proxy.Http.SendAsync(request, Ct)).Dispose();
            (await proxy.Http.GetAsync($"/{service.Name}/status/404", Ct)).Dispose();
            (await proxy.Http.PostAsync("/nowhere", new StringContent("12345"), Ct)).Dispose();
            await backend.DisposeAsync();
            (await proxy.Http.GetAsync($"/{service.Name}/gone", Ct)).Dispose();
        }

        var lines = (await File.ReadAllLinesAsync(Log, Ct)).Select(line => JsonDocument.Parse(line).RootElement).ToArray();

        Assert.Equal([200, 404, 404, 502], lines.Select(line => line.GetProperty("status").GetInt32()));
        var first = lines[0];
        Assert.Equal(
            ("GET", "http", $"/{service.Name}/a", "HTTP/1.1", "127.0.0.1", service.Name, "one", "one", $"{service.Name}-one", "test/1", "4bf92f3577b34da6a3ce929d0e0e4736"),
            (Text(first, "method"), Text(first, "scheme"), Text(first, "path"), Text(first, "protocol"), Text(first, "client"), Text(first, "service"),
                Text(first, "release"), Text(first, "deployment"), Text(first, "instance"), Text(first, "userAgent"), Text(first, "trace")));
        Assert.DoesNotContain("secret", first.GetRawText(), StringComparison.Ordinal);
        Assert.InRange(first.GetProperty("time").GetDateTimeOffset(), TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(5), TimeProvider.System.GetUtcNow());
        Assert.InRange(first.GetProperty("answeredAfterSeconds").GetDouble(), 0, first.GetProperty("seconds").GetDouble());
        Assert.False(lines[2].TryGetProperty("service", out _));
        Assert.Equal(5, lines[2].GetProperty("requestBytes").GetInt64());
        Assert.Equal((service.Name, "connect"), (Text(lines[3], "service"), Text(lines[3], "failure")));
    }

    // While it is held, and while an instance is asked: nobody got an answer.
    [Fact]
    public async Task AClientThatLeaves_IsToldOfAs499()
    {
        await using (var proxy = await RunningProxy.StartAsync(consul.Address, state: null, new KeyValuePair<string, string?>("AccessLog", Log)))
        {
            await proxy.UntilAsync(service.Name, account => account.GetProperty("instances").GetArrayLength() == 1);
            await LeaveAsync(proxy, "/held", "mesh_proxy_in_flight");
            var index = await service.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
            await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
            await LeaveAsync(proxy, "/a", "mesh_proxy_held");
        }

        var lines = (await File.ReadAllLinesAsync(Log, Ct)).Select(line => JsonDocument.Parse(line).RootElement);
        Assert.Equal([499, 499], lines.Select(line => line.GetProperty("status").GetInt32()));
    }

    [Fact]
    public async Task AFileThatIsMovedAway_IsBegunAnew()
    {
        await using (var proxy = await RunningProxy.StartAsync(consul.Address, state: null, new KeyValuePair<string, string?>("AccessLog", Log)))
        {
            await AskAsync(proxy.Http, 1, Log);
            File.Move(Log, Log + ".1");
            await AskAsync(proxy.Http, 1, Log);
        }

        Assert.Single(await File.ReadAllLinesAsync(Log + ".1", Ct));
        Assert.Single(await File.ReadAllLinesAsync(Log, Ct));
    }

    [Fact]
    public async Task HangUp_AfterAnotherFileHasTheName_GoesOnInThat()
    {
        var port = FreePort.Next();
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, folder, "--access-log", Log);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        await AskAsync(http, 1, Log);
        File.Move(Log, Log + ".1");
        await File.WriteAllTextAsync(Log, "", Ct);
        await AskAsync(http, 2, Log + ".1");

        await proxy.SignalAsync("HUP");

        // The signal comes when it comes: the requests before it stand in the old file.
        await Until.TrueAsync(async () =>
        {
            (await http.GetAsync("/nowhere", Ct)).Dispose();
            return (await File.ReadAllLinesAsync(Log, Ct)).Length > 0;
        });
        Assert.False(proxy.HasEnded);
    }

    [Fact]
    public async Task HangUp_WithoutAnAccessLog_IsNoEnd()
    {
        var port = FreePort.Next();
        using var proxy = await ProxyProcess.StartReadyAsync(consul.Address, port, folder);

        await proxy.SignalAsync("HUP");
        await proxy.SignalAsync("TERM");

        // Ended by the first, it would have ended by a signal.
        Assert.Equal(0, await proxy.EndAsync());
    }

    [Fact]
    public async Task TheStandardOutput_IsTheLinesAlone()
    {
        var port = FreePort.Next();
        using var proxy = ProxyProcess.StartReading(consul.Address, port, folder, "--access-log", "-");
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 200);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        using var answer = await http.GetAsync($"/{service.Name}/", Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        await proxy.SignalAsync("TERM");

        var line = Assert.Single((await proxy.OutputAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(service.Name, Text(JsonDocument.Parse(line).RootElement, "service"));
    }

    [Fact]
    public async Task AStandardOutputThatNobodyReads_HoldsUpNoRequest()
    {
        var port = FreePort.Next();
        using var proxy = ProxyProcess.StartReading(consul.Address, port, folder);
        await Until.TrueAsync(async () => await ProxyProcess.ReadyAsync(port) == 200);
        await backend.DisposeAsync();
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(20) };

        // Each is a warning; the pipe takes 64 KB of them, and the log's queue 2,500.
        await Parallel.ForEachAsync(Enumerable.Range(0, 6000), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Ct }, async (_, ct) =>
        {
            using var answer = await http.GetAsync($"/{service.Name}/", ct);
            Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        });
    }

    [Fact]
    public async Task APipeThatNobodyEmpties_HoldsUpNoRequestAndItsLinesAreCounted()
    {
        const int Connections = 8, Each = (AccessLog.Waiting / Connections) + 1000;
        using (var made = Process.Start("mkfifo", [Log]))
            await made.WaitForExitAsync(Ct);
        // For both: whoever opens a pipe for one waits for the other.
        await using var pipe = new FileStream(Log, FileMode.Open, FileAccess.ReadWrite);
        var proxy = started.Add(await RunningProxy.StartAsync(consul.Address, state: null, new KeyValuePair<string, string?>("AccessLog", Log)));

        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => AskManyAsync(proxy.Ports[0], Each))).WaitAsync(TimeSpan.FromMinutes(2), TimeProvider.System, Ct);

        Assert.Equal(Connections * Each, await MetricAsync(proxy, "mesh_proxy_unrouted_total"));
        // What is neither dropped nor waiting is in the pipe, or on its way there: a few thousand lines at the most.
        Assert.InRange(await MetricAsync(proxy, "mesh_proxy_access_log_dropped_total"), 1, Connections * 1000);
    }

    // Asks, waits until the proxy counts the request, and leaves.
    private async Task LeaveAsync(RunningProxy proxy, string path, string metric)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var asked = proxy.Http.GetAsync($"/{service.Name}{path}", leave.Token);
        await CountedAsync(1);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await CountedAsync(0);

        Task CountedAsync(int count) => Until.TrueAsync(async () => (await proxy.Admin.GetStringAsync("/metrics", Ct)).Split('\n').Any(line =>
            line.StartsWith($"{metric}{{service=\"{service.Name}\"", StringComparison.Ordinal) && line.EndsWith($" {count}", StringComparison.Ordinal)));
    }

    // One behind the other, without waiting for the answers; the last one ends the connection.
    private static async Task AskManyAsync(int port, int count)
    {
        const string Request = "GET /nowhere HTTP/1.1\r\nHost: a\r\n";
        await using var raw = await RawConnection.OpenAsync(port);
        var asked = raw.SendAsync($"{string.Concat(Enumerable.Repeat(Request + "\r\n", count - 1))}{Request}Connection: close\r\n\r\n");
        await raw.CountRestAsync();
        await asked;
    }

    private static async Task<int> MetricAsync(RunningProxy proxy, string name)
    {
        var line = (await proxy.Admin.GetStringAsync("/metrics", Ct)).Split('\n').Single(line => line.StartsWith(name + ' ', StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    // Returns when the file has as many lines as that.
    private static async Task AskAsync(HttpClient http, int lines, string file)
    {
        (await http.GetAsync("/nowhere", Ct)).Dispose();
        await Until.TrueAsync(async () => File.Exists(file) && (await File.ReadAllLinesAsync(file, Ct)).Length == lines);
    }

    private static string? Text(JsonElement line, string name) => line.GetProperty(name).GetString();
}
