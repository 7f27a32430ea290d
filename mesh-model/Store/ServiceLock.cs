using Consul;

namespace ServiceMesh.Store;

/// <summary>
/// A service's lock, held by a Consul session for as long as this object lives. When the session is lost (Consul was
/// unreachable for longer than its TTL, or somebody destroyed it), <see cref="Lost"/> is cancelled; a commit with a lost
/// lock is refused by Consul itself, so the lock needs no lock-delay.
/// </summary>
public sealed class ServiceLock : IAsyncDisposable
{
    /// <summary>How long a session outlives a deployer that died. Consul's least is 10 s; it may take up to twice as long.</summary>
    public static TimeSpan TimeToLive { get; } = TimeSpan.FromSeconds(15);

    private readonly IConsulClient consul;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource lost = new();
    private readonly CancellationTokenSource released = new();
    private readonly Task renewal;

    internal ServiceLock(IConsulClient consul, TimeProvider time, string session)
    {
        this.consul = consul;
        this.time = time;
        Session = session;
        Lost = lost.Token;
        renewal = RenewAsync(released.Token);
    }

    /// <summary>The session's id.</summary>
    public string Session { get; }

    /// <summary>Cancelled when the lock is no longer held.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Gives the lock back. Never throws: what cannot be given back expires.</summary>
    public async ValueTask DisposeAsync()
    {
        await released.CancelAsync();
        await renewal;
        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), time);
            await consul.Session.Destroy(Session, deadline.Token);
        }
        catch (Exception error) when (error is ConsulRequestException or OperationCanceledException)
        {
            // The session's TTL gives it back.
        }

        lost.Dispose();
        released.Dispose();
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        var renewed = time.GetTimestamp();
        using var timer = new PeriodicTimer(TimeToLive / 5, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                // Consul counts from when it answered, which is later than this.
                var asked = time.GetTimestamp();
                if (await TryRenewAsync(ct) is { } held)
                {
                    if (!held)
                        break;
                    renewed = asked;
                }
                else if (time.GetElapsedTime(renewed) > TimeToLive)
                {
                    break;
                }
            }

            await lost.CancelAsync();
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Released: nothing left to renew.
        }
    }

    /// <returns>Whether the session lives; <c>null</c> if Consul did not say.</returns>
    private async Task<bool?> TryRenewAsync(CancellationToken ct)
    {
        try
        {
            return (await consul.Session.Renew(Session, ct)).Response is not null;
        }
        catch (SessionExpiredException)
        {
            return false;
        }
        catch (ConsulRequestException)
        {
            return null;
        }
    }
}
