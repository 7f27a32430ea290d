namespace ServiceMesh.Load;

/// <summary>Hands out the moments at which requests may start, evenly spaced; time that was missed is not made up for in a burst.</summary>
internal sealed class Pace(double perSecond, TimeProvider time)
{
    // A timer fires up to some milliseconds late: that much may be caught up with, or the rate would fall short.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(50);

    private readonly TimeSpan interval = TimeSpan.FromSeconds(1 / perSecond);
    private readonly Lock gate = new();
    private readonly long start = time.GetTimestamp();
    private TimeSpan next;

    public async Task WaitAsync(CancellationToken ct)
    {
        TimeSpan wait = Take();
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, time, ct);
    }

    private TimeSpan Take()
    {
        lock (gate)
        {
            TimeSpan now = time.GetElapsedTime(start);
            TimeSpan mine = next > now - Slack ? next : now - Slack;
            next = mine + interval;
            return mine - now;
        }
    }
}
