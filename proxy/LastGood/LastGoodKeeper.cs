using System.Threading.Channels;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>
/// Writes what Consul told to disk, off the way of the requests: of several waiting snapshots only the newest, not more often
/// than once a second, and none that differs from the last only in what the proxy found out itself. What could not be written
/// is tried again until it is, or there is a newer one. A proxy that another one took over from writes nothing more: what it knows may
/// be older.
/// </summary>
internal sealed partial class LastGoodKeeper : HostedLoop
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(15);

    private readonly Channel<Snapshot> newest = Channel.CreateBounded<Snapshot>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly LastGoodFile file;
    private readonly ListeningSockets sockets;
    private readonly TimeProvider time;
    private readonly ILogger<LastGoodKeeper> log;
    private Snapshot? written;
    private Snapshot? unwritten;

    public LastGoodKeeper(SnapshotHolder snapshots, LastGoodFile file, ListeningSockets sockets, TimeProvider time, ILogger<LastGoodKeeper> log)
    {
        (this.file, this.sockets, this.time, this.log) = (file, sockets, time, log);
        snapshots.Listen(snapshot =>
        {
            if (snapshot.Origin == SnapshotOrigin.Consul)
                newest.Writer.TryWrite(snapshot);
        });
    }

    /// <summary>Writes what waits still: a stop loses nothing.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (Next() is { } last)
            await WriteAsync(last, cancellationToken);
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            if (unwritten is null)
                await newest.Reader.WaitToReadAsync(stoppingToken);
            if (Next() is not { } next)
                continue;
            await WriteAsync(next, stoppingToken);
            await Task.Delay(unwritten is null ? Pause : PauseAfterFailure, time, stoppingToken);
        }
    }

    // The newest that there is to write.
    private Snapshot? Next()
    {
        if (newest.Reader.TryRead(out var newer))
            unwritten = newer;
        if (sockets.AreHandedOver || (unwritten is not null && written is not null && SaysTheSame(written, unwritten)))
            unwritten = null;
        return unwritten;
    }

    private async Task WriteAsync(Snapshot snapshot, CancellationToken ct)
    {
        try
        {
            await file.WriteAsync(snapshot, ct);
            (written, unwritten) = (snapshot, null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Unwritten(error.Message);
        }
    }

    private static bool SaysTheSame(Snapshot one, Snapshot other) =>
        ReferenceEquals(one.Documents, other.Documents)
        && one.Documents.Services.Keys.All(service => SaysTheSame(one.Services[service], other.Services[service]));

    // A promotion that was waited for is in effect later than its document was told.
    private static bool SaysTheSame(ServiceModel one, ServiceModel other) =>
        ReferenceEquals(one.Instances, other.Instances) && ReferenceEquals(one.Stored, other.Stored);

    [LoggerMessage(LogLevel.Error, "The last good state could not be written: {Reason}")]
    private partial void Unwritten(string reason);
}
