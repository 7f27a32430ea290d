using System.Threading.Channels;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>Writes each snapshot from Consul to disk, off the way of the requests; of several waiting ones only the newest.</summary>
internal sealed partial class LastGoodKeeper : BackgroundService
{
    private readonly Channel<Snapshot> newest = Channel.CreateBounded<Snapshot>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly LastGoodFile file;
    private readonly ILogger<LastGoodKeeper> log;

    public LastGoodKeeper(SnapshotHolder snapshots, LastGoodFile file, ILogger<LastGoodKeeper> log)
    {
        (this.file, this.log) = (file, log);
        snapshots.Listen(snapshot =>
        {
            if (snapshot.Origin == SnapshotOrigin.Consul)
                newest.Writer.TryWrite(snapshot);
        });
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var snapshot in newest.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await file.WriteAsync(snapshot, stoppingToken);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                Unwritten(error.Message);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "The last good state could not be written: {Reason}")]
    private partial void Unwritten(string reason);
}
