using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Observing;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Observing;

public sealed class AccessLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mesh-log-").FullName;
    private readonly ProxyMeter meter = new(
        new SnapshotHolder(TrustedProxies.None), new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System), TimeProvider.System);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string File => Path.Combine(folder, "access.log");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Write_ManyLines_AreAllThereAfterTheStop()
    {
        using var log = Log();
        await log.StartAsync(Ct);
        for (var n = 0; n < 5000; n++)
            log.Write(Entry($"/{n}"));
        await log.StopAsync(Ct);

        var paths = (await System.IO.File.ReadAllLinesAsync(File, Ct)).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("path").GetString());
        Assert.Equal(Enumerable.Range(0, 5000).Select(n => $"/{n}"), paths);
        Assert.Equal(0, meter.DroppedLines);
    }

    [Fact]
    public void Write_MoreThanCanWait_DropsAndCounts()
    {
        using var log = Log();

        for (var n = 0; n < AccessLog.Waiting + 10; n++)
            log.Write(Entry("/"));

        Assert.Equal(10, meter.DroppedLines);
    }

    [Fact]
    public async Task Write_WhileTheFileCannotBeWritten_DropsAndCounts_AndGoesOnWhenItCan()
    {
        using var log = Log();
        await log.StartAsync(Ct);
        Directory.Delete(folder, recursive: true);
        log.Write(Entry("/lost"));
        await UntilAsync(() => meter.DroppedLines == 1);

        Directory.CreateDirectory(folder);
        log.Write(Entry("/kept"));
        await log.StopAsync(Ct);

        Assert.Equal("/kept", JsonDocument.Parse(Assert.Single(await System.IO.File.ReadAllLinesAsync(File, Ct))).RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public async Task Write_AfterTheFileCouldNotBeOpenedAnew_GoesOnWhenItCan()
    {
        using var log = Log();
        await log.StartAsync(Ct);
        System.IO.File.Delete(File);
        Directory.CreateDirectory(File);
        foreach (var lost in new[] { 1, 2 })
        {
            log.Write(Entry("/lost"));
            await UntilAsync(() => meter.DroppedLines == lost);
        }

        // By another hand, as by logrotate's create: a file that is missing the proxy makes itself.
        Directory.Delete(File);
        await System.IO.File.WriteAllTextAsync(File, "", Ct);
        log.Write(Entry("/kept"));
        await log.StopAsync(Ct);

        Assert.True(log.ExecuteTask!.IsCompletedSuccessfully);
        Assert.Equal("/kept", JsonDocument.Parse(Assert.Single(await System.IO.File.ReadAllLinesAsync(File, Ct))).RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public async Task Reopen_OfAFileThatCannotBeOpened_IsTriedWithEachWriteUntilItCan()
    {
        using var target = new LogTarget(File);
        target.Open();
        System.IO.File.Delete(File);
        // It is there, and nobody can open it, not even root.
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(File));
            target.ReopenNext();
            foreach (var _ in Enumerable.Range(0, 2))
                await Assert.ThrowsAsync<IOException>(async () => await target.WriteAsync("lost"u8.ToArray()));
        }

        await System.IO.File.WriteAllTextAsync(File, "", Ct);
        await target.WriteAsync("kept"u8.ToArray());

        Assert.Equal("kept", await System.IO.File.ReadAllTextAsync(File, Ct));
    }

    [Fact]
    public async Task Start_WithAPipeThatHasNoReaderYet_WaitsForNone()
    {
        using var log = Log();
        using (var made = System.Diagnostics.Process.Start("mkfifo", [File]))
            await made.WaitForExitAsync(Ct);

        await Task.Run(() => log.StartAsync(Ct), Ct).WaitAsync(TimeSpan.FromSeconds(20), Ct);

        using var reader = new StreamReader(new FileStream(File, FileMode.Open, FileAccess.Read));
        log.Write(Entry("/a"));
        var line = await reader.ReadLineAsync(Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);
        Assert.Equal("/a", JsonDocument.Parse(line!).RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public async Task Write_ToAFileThatTwoHave_OverwritesNothing()
    {
        using AccessLog one = Log(), other = Log();
        await one.StartAsync(Ct);
        await other.StartAsync(Ct);
        one.Write(Entry("/1"));
        await one.StopAsync(Ct);
        other.Write(Entry("/2"));
        await other.StopAsync(Ct);

        Assert.Equal(2, (await System.IO.File.ReadAllLinesAsync(File, Ct)).Length);
    }

    [Fact]
    public async Task Stop_WhileTheFileTakesNoMore_EndsWhenItsTimeIsOver()
    {
        using var log = Log();
        using (var made = System.Diagnostics.Process.Start("mkfifo", [File]))
            await made.WaitForExitAsync(Ct);
        // A pipe that nobody empties.
        await using var reader = new FileStream(File, FileMode.Open, FileAccess.ReadWrite);
        await log.StartAsync(Ct);
        for (var n = 0; n < 5000; n++)
            log.Write(Entry("/"));

        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await log.StopAsync(late.Token).WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Fact]
    public async Task Start_WithAFileThatCannotBe_NamesTheSetting()
    {
        using var log = Log(Path.Combine(folder, "missing", "access.log"));

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => log.StartAsync(Ct));

        Assert.Contains("--access-log", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(12_345_678)]
    [InlineData(5_000_000_000_000)]
    public void Line_OfADuration_TellsItInSeconds(long ticks)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
            (Entry("/") with { Duration = new TimeSpan(ticks), AnsweredAfter = new TimeSpan(ticks) }).WriteTo(json);

        var line = JsonDocument.Parse(output.ToArray()).RootElement;
        Assert.Equal(ticks / 10_000_000m, line.GetProperty("seconds").GetDecimal());
        Assert.Equal(ticks / 10_000_000m, line.GetProperty("answeredAfterSeconds").GetDecimal());
    }

    [Fact]
    public void Line_OfHostileText_IsOneLineOfJson()
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
            (Entry("/a\"b\\c\nd\u2028") with { UserAgent = "x\0\r\ny", Host = "ä\ud800" }).WriteTo(json);

        var line = System.Text.Encoding.UTF8.GetString(output.ToArray());
        Assert.DoesNotContain('\n', line);
        Assert.Equal("/a\"b\\c\nd\u2028", JsonDocument.Parse(line).RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public void Validate_AFolderAndAnEndpointThatIsNone_AreBothTold()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).Build();

        var faults = new ObservingOptionsValidator(configuration).Validate(name: null, new ObservingOptions { AccessLog = folder }).Failures;

        Assert.Equal(
            [
                $"accessLog '{folder}' is no file: name one, or - for the standard output (--access-log or PROXY_ACCESS_LOG)",
                "OTEL_EXPORTER_OTLP_ENDPOINT 'collector:4317' is no address: give one like http://127.0.0.1:4317",
            ],
            faults);
    }

    private AccessLog Log(string? file = null) =>
        new(Options.Create(new ObservingOptions { AccessLog = file ?? File }), meter, TimeProvider.System, NullLogger<AccessLog>.Instance);

    private static AccessEntry Entry(string path) => new()
    {
        Ended = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.FromMilliseconds(1),
        Client = IPAddress.Loopback,
        Method = "GET",
        Scheme = "http",
        Host = "shop.example",
        Path = path,
        Protocol = "HTTP/1.1",
        Status = 200,
    };

    private static async Task UntilAsync(Func<bool> reached)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(10));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!reached())
            await timer.WaitForNextTickAsync(late.Token);
    }
}
