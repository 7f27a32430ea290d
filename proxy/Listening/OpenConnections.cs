using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Counts the connections of all ports together, and closes those beyond their number. Kestrel's own limit counts each port for itself.</summary>
internal sealed class OpenConnections(IOptions<ListeningOptions> options, TimeProvider time)
{
    private readonly int most = options.Value.MaxConnections is > 0 and var limit ? limit : int.MaxValue;
    private int count;

    public int Count => Volatile.Read(ref count);

    public void CountThoseOf(ListenOptions port) => port.Use(next => connection => CountAsync(next, connection));

    /// <summary>Waits until no connection is open, or for so long.</summary>
    public async Task UntilNoneAsync(TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20), time);
        while (Count > 0 && !late.IsCancellationRequested)
            await timer.WaitForNextTickAsync(CancellationToken.None);
    }

    private async Task CountAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        try
        {
            // One too many is closed when it comes back from here.
            if (Interlocked.Increment(ref count) <= most)
                await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref count);
        }
    }
}
