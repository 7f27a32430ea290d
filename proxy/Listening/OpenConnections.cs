using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace ServiceMesh.Proxy.Listening;

/// <summary>Counts the connections of all ports.</summary>
internal sealed class OpenConnections(TimeProvider time)
{
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
        Interlocked.Increment(ref count);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref count);
        }
    }
}
