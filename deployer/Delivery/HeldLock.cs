using Consul;
using ServiceMesh.Deployer.Output;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>A service's lock in the hands of one attempt: held, lost, given back, and taken again.</summary>
internal sealed class HeldLock : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    // Longer than a session can outlive its deployer.
    private static readonly TimeSpan Patience = ServiceLock.TimeToLive * 3;

    // A refusal that passes sooner was no answer about the token, such as one by a server that has not come back whole yet.
    private static readonly TimeSpan RefusedFor = TimeSpan.FromSeconds(5);

    private readonly Mesh mesh;
    private readonly string service;
    private readonly LockHolder self;
    private ServiceLock? own;
    private string session = "";
    private CancellationTokenSource either = new();

    private HeldLock(Mesh mesh, string service, LockHolder self, ServiceLock taken, CancellationToken interruption)
    {
        (this.mesh, this.service, this.self, Interruption) = (mesh, service, self, interruption);
        Hold(taken);
    }

    /// <summary>Cancelled when the person interrupts.</summary>
    public CancellationToken Interruption { get; }

    /// <summary>Cancelled when the person interrupts or the lock is lost.</summary>
    public CancellationToken Token { get; private set; }

    /// <summary>The lock; <c>null</c> while it is not held.</summary>
    public ServiceLock? Lock => own is { Lost.IsCancellationRequested: false } ? own : null;

    public bool IsHeld => Lock is not null;

    // By polling: a deployer that waits is rare, and its lock goes by a session's end, which wakes no watch of a key that is gone.
    public static async Task<HeldLock> TakeAsync(Mesh mesh, Narrator narrator, string service, LockHolder self, CancellationToken ct)
    {
        var asked = mesh.Time.GetTimestamp();
        var told = false;
        while (true)
        {
            string why;
            try
            {
                if (await mesh.Locks.TryAcquireAsync(service, self, ct) is { } acquired)
                    return new HeldLock(mesh, service, self, acquired, ct);
                var other = await mesh.Locks.HolderAsync(service, ct);
                if (mesh.Time.GetElapsedTime(asked) >= mesh.Settings.LockWait)
                    throw By(service, other);
                why = $"held by {other?.Who ?? "another"} for: {other?.Why ?? "unknown"}";
            }
            catch (ConsulRequestException error) when (error.IsTransient && mesh.Time.GetElapsedTime(asked) < mesh.Settings.LockWait)
            {
                why = $"which Consul does not give now: {error.Message}";
            }

            if (!told)
                narrator.Say($"waiting up to {DurationText.Write(mesh.Settings.LockWait)} for the lock, {why}");
            told = true;
            await Task.Delay(Pause, mesh.Time, ct);
        }
    }

    /// <summary>Takes the lock again, and asks Consul what is to be known under it.</summary>
    /// <returns>What stands in the way; <c>null</c> for nothing.</returns>
    public async Task<DeliveryException?> RetakeAsync(Func<CancellationToken, Task> ask)
    {
        await GiveBackAsync();
        (ServiceLock? Taken, LockHolder? Other) retaken = default;
        var silence = await FencedAsync(async ct =>
        {
            retaken.Taken ??= await mesh.Locks.TryAcquireAsync(service, self, ct);
            retaken.Other = retaken.Taken is null ? await mesh.Locks.HolderAsync(service, ct) : null;
            await ask(ct);
        });
        if (silence is not null && retaken.Taken is { } useless)
            await useless.DisposeAsync();
        if (silence is not null)
            return silence;
        if (retaken.Taken is not { } taken)
            return By(service, retaken.Other);
        Hold(taken);
        return null;
    }

    /// <summary>Asks Consul when it is sure that the lock that was given back is gone. One that is away is waited for; what it refuses for some seconds, no time mends.</summary>
    /// <returns>Why it gave no answer; <c>null</c> where it did.</returns>
    public async Task<DeliveryException?> FencedAsync(Func<CancellationToken, Task> ask)
    {
        using var deadline = new CancellationTokenSource(Patience, mesh.Time);
        long? refused = null;
        while (true)
        {
            try
            {
                await mesh.Consul.Session.Destroy(session, deadline.Token);
                await ask(deadline.Token);
                return null;
            }
            catch (Exception error) when (deadline.IsCancellationRequested && error is ConsulRequestException or OperationCanceledException)
            {
                return new DeliveryException(ExitCode.Unreachable, $"Consul did not answer within {DurationText.Write(Patience)}. {Faults.ConsulMend}");
            }
            catch (ConsulRequestException error)
            {
                refused = error.IsTransient || error.Fault == ConsulFault.Unreadable ? null : refused ?? mesh.Time.GetTimestamp();
                if (refused is { } since && mesh.Time.GetElapsedTime(since) >= RefusedFor)
                    return Faults.Explain(error);
                await Task.Delay(Pause, mesh.Time, CancellationToken.None);
            }
        }
    }

    /// <summary>Asks Consul whether the lock is still this attempt's. Its session tells that it was taken away at the next renewal only.</summary>
    public async Task<bool> IsOursAsync(CancellationToken ct)
    {
        if (Lock is { } held && await mesh.Locks.IsHeldAsync(service, held, ct))
            return true;
        await GiveBackAsync();
        return false;
    }

    /// <summary>Whether another took the lock away: until that is known, what he does looks like a failure here. A Consul that is away does not say so.</summary>
    public async Task<bool> IsTakenAwayAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), mesh.Time);
        try
        {
            return IsHeld && !await IsOursAsync(deadline.Token);
        }
        catch (Exception error) when (error is ConsulRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    public async Task GiveBackAsync()
    {
        if (Interlocked.Exchange(ref own, null) is { } given)
            await given.DisposeAsync();
    }

    /// <summary>Ends what still goes on although the lock could not be taken again.</summary>
    public Task CancelAsync() => either.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await GiveBackAsync();
        either.Dispose();
    }

    private void Hold(ServiceLock taken)
    {
        (own, session) = (taken, taken.Session);
        either.Dispose();
        either = CancellationTokenSource.CreateLinkedTokenSource(Interruption, taken.Lost);
        Token = either.Token;
    }

    private static DeliveryException By(string service, LockHolder? holder) => new(
        ExitCode.Locked,
        holder is null
            ? $"{service} was locked by another until just now; run this again"
            : $"{service} is locked by {holder.Who} since {holder.Since:yyyy-MM-dd HH:mm:ss} UTC for: {holder.Why}. Wait for its end, then run this again, or let it wait with --wait 5m; "
            + $"the lock of a deployer that died goes by itself within {ServiceLock.TimeToLive.TotalSeconds * 2:0} s.");
}
