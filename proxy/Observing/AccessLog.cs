using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Observing;

/// <summary>
/// Writes a line of JSON for each request, off the requests' way. Where the disk is slower than the requests, lines are
/// dropped and counted: no request waits for its line.
/// </summary>
internal sealed partial class AccessLog : HostedLoop
{
    /// <summary>The lines that may wait to be written.</summary>
    public const int Waiting = 1 << 16;

    private const int Batch = 1 << 18;

    // By the clock and not by each line: waking the writer up would cost a request more than its line does.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    // A log is no web page: only what JSON itself asks for is escaped.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Channel<AccessEntry> entries = Channel.CreateBounded<AccessEntry>(new BoundedChannelOptions(Waiting) { SingleReader = true });
    private readonly ArrayBufferWriter<byte> lines = new(Batch);
    private readonly Utf8JsonWriter json;
    private readonly LogTarget? target;
    private readonly ProxyMeter meter;
    private readonly TimeProvider time;
    private readonly ILogger<AccessLog> log;
    private PosixSignalRegistration? hangUp;
    private bool isBroken;

    public AccessLog(IOptions<ObservingOptions> options, ProxyMeter meter, TimeProvider time, ILogger<AccessLog> log)
    {
        (this.meter, this.time, this.log) = (meter, time, log);
        target = options.Value.AccessLog is { } path ? new LogTarget(path) : null;
        json = new Utf8JsonWriter(lines, Plain);
    }

    public bool IsOn => target is not null;

    public void Write(in AccessEntry entry)
    {
        if (!entries.Writer.TryWrite(entry))
            meter.LinesDropped(1);
    }

    /// <exception cref="InvalidOperationException">The file cannot be opened.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Always: a process that does not listen to it is ended by it.
        hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            target?.ReopenNext();
        });
        if (target is null)
            return Task.CompletedTask;
        try
        {
            target.Open();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException(
                $"accessLog '{target.Path}' cannot be opened: {error.Message} Name a file in a folder that is there and may be written to (--access-log or PROXY_ACCESS_LOG).", error);
        }

        return base.StartAsync(cancellationToken);
    }

    /// <summary>Writes what is waiting still, as far as it can be written in time.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // A loop that has not ended is stuck in its writing, and two must not write at once.
        if (ExecuteTask is not { IsCompleted: true })
            return;
        try
        {
            await Task.Run(WriteAllAsync, CancellationToken.None).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The rest is lost: the process ends.
        }
    }

    public override void Dispose()
    {
        hangUp?.Dispose();
        json.Dispose();
        target?.Dispose();
        base.Dispose();
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await WriteAllAsync();
    }

    private async Task WriteAllAsync()
    {
        while (entries.Reader.Count > 0)
        {
            lines.ResetWrittenCount();
            var count = 0;
            while (lines.WrittenCount < Batch && entries.Reader.TryRead(out var entry))
            {
                json.Reset();
                entry.WriteTo(json);
                json.Flush();
                lines.Write("\n"u8);
                count++;
            }

            await WriteAsync(count);
        }
    }

    private async Task WriteAsync(int count)
    {
        try
        {
            await target!.WriteAsync(lines.WrittenMemory);
            isBroken = false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            meter.LinesDropped(count);
            // Only news: a full disk is one line, not thousands.
            if (!isBroken)
                Unwritten(target!.Path, error.Message);
            isBroken = true;
        }
    }

    [LoggerMessage(LogLevel.Error, "The access log {Path} cannot be written, its lines are dropped until it can: {Reason}")]
    private partial void Unwritten(string path, string reason);
}
