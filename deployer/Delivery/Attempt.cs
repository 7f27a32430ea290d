using Consul;
using ServiceMesh.Deployer.Output;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>One attempt to change what a service serves: begun by taking its lock, ended by one transaction or none.</summary>
internal sealed class Attempt : IAsyncDisposable
{
    private readonly Mesh mesh;
    private readonly Narrator narrator;
    private readonly string action;
    private readonly LockHolder holder;
    private readonly long began;
    private readonly CancellationToken interrupted;
    private readonly CancellationTokenSource either;
    private readonly CancellationTokenSource over = new();
    private Task beforehand = Task.CompletedTask;
    private ServiceLock? held;
    private bool reverted;

    private Attempt(Mesh mesh, Narrator narrator, string service, string action, LockHolder holder, ServiceLock held, CancellationToken interrupted)
    {
        (this.mesh, this.narrator, this.action, this.holder, this.held, this.interrupted) = (mesh, narrator, action, holder, held, interrupted);
        Service = service;
        began = mesh.Time.GetTimestamp();
        either = CancellationTokenSource.CreateLinkedTokenSource(interrupted, held.Lost);
        Token = either.Token;
        Before = Current = new StoredDocument(service, null, 0, null);
    }

    public string Service { get; }

    /// <summary>Cancelled when the person interrupts or the lock is lost.</summary>
    public CancellationToken Token { get; }

    /// <summary>Whether it was the person who cancelled <see cref="Token"/>.</summary>
    public bool Interrupted => interrupted.IsCancellationRequested;

    /// <summary>The service's document when the lock was taken.</summary>
    public StoredDocument Before { get; private set; }

    /// <summary>The service's document after what was committed so far.</summary>
    public StoredDocument Current { get; private set; }

    /// <summary>The release that it is about, as far as it is known yet.</summary>
    public Release? Release { get; set; }

    /// <summary>How the suites of the release's tests went that have run.</summary>
    public List<TestRun> Tests { get; } = [];

    /// <summary>Whether Consul was lost in the middle of the transaction: then nothing may be undone.</summary>
    public bool OutcomeUnknown { get; private set; }

    /// <summary>Whether the lock is still held.</summary>
    public bool Locked => held is not null;

    public static async Task<Attempt> BeginAsync(Mesh mesh, Narrator narrator, string service, string action, string why, CancellationToken ct)
    {
        var self = new LockHolder(Person.Name, why, mesh.Time.GetUtcNow());
        var taken = await narrator.PhaseAsync("lock", async () => (
            await TakeLockAsync(mesh, narrator, service, self, ct), $"{service} is locked by {self.Who}"));
        var attempt = new Attempt(mesh, narrator, service, action, self, taken, ct);
        try
        {
            attempt.Before = attempt.Current = await mesh.Store.ReadAsync(service, ct) ?? attempt.Before;
            if (attempt.Before.Fault is { } fault)
            {
                throw new DeliveryException(
                    ExitCode.WrongInput, $"what Consul KV holds for {service} is no document: {fault}. Delete or mend that key, then run this again.");
            }

            return attempt;
        }
        catch
        {
            await attempt.DisposeAsync();
            throw;
        }
    }

    // By polling: a deployer that waits is rare, and its lock goes by a session's end, which wakes no watch of a key that is gone.
    private static async Task<ServiceLock> TakeLockAsync(Mesh mesh, Narrator narrator, string service, LockHolder self, CancellationToken ct)
    {
        var asked = mesh.Time.GetTimestamp();
        var told = false;
        while (true)
        {
            if (await mesh.Locks.TryAcquireAsync(service, self, ct) is { } acquired)
                return acquired;
            var other = await mesh.Locks.HolderAsync(service, ct);
            if (mesh.Time.GetElapsedTime(asked) >= mesh.Settings.LockWait)
                throw LockedBy(service, other);
            if (!told)
                narrator.Say($"waiting up to {DurationText.Write(mesh.Settings.LockWait)} for the lock, held by {other?.Who ?? "another"} for: {other?.Why ?? "unknown"}");
            told = true;
            await Task.Delay(TimeSpan.FromMilliseconds(500), mesh.Time, ct);
        }
    }

    /// <summary>Warns of proxies that do not follow already. Beside all else: one that does not answer delays nothing.</summary>
    public void AskProxies() => beforehand = new ProxiesFollow(mesh, narrator).WarnBeforehandAsync(Before, over.Token);

    /// <summary>The one transaction. Once it is sent it is not interrupted: its outcome must be known.</summary>
    /// <returns>The index at which production changed.</returns>
    public Task<ulong> CommitAsync(ServiceDocument after) => CommitAsync(after, Outcome.Promoted, reason: null);

    /// <summary>The same for a change that promotes nothing; <paramref name="what"/> tells of it in the history.</summary>
    public Task<ulong> ChangeAsync(ServiceDocument after, string what) => CommitAsync(after, Outcome.Changed, what);

    /// <summary>The same for the way back, which an interruption does not stop.</summary>
    public Task<ulong> RevertAsync(ServiceDocument after, string reason) => CommitAsync(after, Outcome.Reverted, reason, evenInterrupted: true);

    private async Task<ulong> CommitAsync(ServiceDocument after, Outcome outcome, string? reason, bool evenInterrupted = false)
    {
        if (!evenInterrupted)
            Token.ThrowIfCancellationRequested();
        if (held is null)
            throw WhyCancelled();
        // The rule by which the proxies read: what they would set aside is not written.
        if (DocumentFormat.TryRead(Service, DocumentFormat.Write(after), out _) is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, $"the document of {Service} would not be understood: {fault}. Mend the manifest, then run this again.");
        try
        {
            var result = await mesh.Store.CommitAsync(
                held, after, Current.Index, Entry(outcome, reason), CancellationToken.None);
            if (result.Committed)
            {
                Current = new StoredDocument(Service, after, result.Index, Fault: null);
                reverted |= outcome == Outcome.Reverted;
                return result.Index;
            }

            throw new DeliveryException(
                ExitCode.Locked,
                $"Consul refused the change, because the lock was lost or somebody changed {Service} without it ({result.Conflict}). "
                + $"Look at 'deployer status {Service}', then run this again.");
        }
        catch (ConsulRequestException error) when (error.IsTransient || error.Fault == ConsulFault.Unreadable)
        {
            return await SettleAsync(after, error);
        }
    }

    /// <summary>Writes the failure to the history and says what it means; <c>null</c> for a bug.</summary>
    public async Task<DeliveryException?> FailAsync(Exception error)
    {
        var fault = Faults.Explain(error);
        // Whatever a cancelled call ends with, the cancellation is the reason.
        if (fault is not null && error is not DeliveryException && Token.IsCancellationRequested)
            fault = WhyCancelled();
        var outcome = fault?.Code switch
        {
            ExitCode.Rejected => Outcome.Rejected,
            ExitCode.Unhealthy => Outcome.Unhealthy,
            ExitCode.Reverted => Outcome.Reverted,
            _ => Outcome.Aborted,
        };
        // A reversion was told with its transaction.
        if (Release is not null && held is not null && !OutcomeUnknown && !reverted)
            await RecordAsync(Entry(outcome, fault?.Message ?? error.Message));
        return fault;
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await beforehand;
        await UnlockAsync();
        over.Dispose();
        either.Dispose();
    }

    private async Task UnlockAsync()
    {
        if (Interlocked.Exchange(ref held, null) is { } given)
            await given.DisposeAsync();
    }

    // The answer was lost. Giving the lock back fences the transaction: from then on it can only have happened already.
    private async Task<ulong> SettleAsync(ServiceDocument after, ConsulRequestException lost)
    {
        using var deadline = new CancellationTokenSource(ServiceLock.TimeToLive * 3, mesh.Time);
        narrator.Warn($"Consul went away during the promotion ({lost.Message}); finding out whether it took place");
        await UnlockAsync();
        while (!deadline.IsCancellationRequested)
        {
            try
            {
                if (await mesh.Locks.HolderAsync(Service, deadline.Token) != holder)
                {
                    var now = await mesh.Store.ReadAsync(Service, deadline.Token);
                    return now?.Document is { } document && DocumentFormat.Write(document).AsSpan().SequenceEqual(DocumentFormat.Write(after))
                        ? now.Index
                        : throw new DeliveryException(
                            ExitCode.Unreachable,
                            $"Consul went away during the promotion, and it did not take place ({lost.Message}); production is unchanged. Run this again.",
                            lost);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(500), mesh.Time, deadline.Token);
            }
            catch (ConsulRequestException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), mesh.Time, CancellationToken.None);
            }
            catch (OperationCanceledException) when (deadline.IsCancellationRequested)
            {
                break;
            }
        }

        OutcomeUnknown = true;
        throw new DeliveryException(
            ExitCode.Unreachable,
            $"Consul went away during the promotion and did not come back: whether {Service} {Release?.Version} is active is not known, so its "
            + $"containers were left running. When Consul answers again, 'deployer status {Service}' tells, and the next deploy tidies up.",
            lost);
    }

    private async Task RecordAsync(HistoryEntry entry)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), mesh.Time);
        try
        {
            var result = await mesh.Store.CommitAsync(held!, document: null, expectedIndex: 0, entry, deadline.Token);
            if (!result.Committed)
                narrator.Warn($"the history of {Service} could not be written: {result.Conflict}");
        }
        catch (Exception error) when (error is ConsulRequestException or OperationCanceledException)
        {
            narrator.Warn($"the history of {Service} could not be written: {error.Message}");
        }
    }

    private DeliveryException WhyCancelled() => Interrupted
        ? Faults.Interrupted()
        : new DeliveryException(
            ExitCode.Locked,
            $"the lock of {Service} was lost (Consul was out of reach for more than {ServiceLock.TimeToLive.TotalSeconds:0} s, or its session was "
            + "destroyed); production is unchanged. Run this again.");

    private HistoryEntry Entry(Outcome outcome, string? reason) => new()
    {
        Number = 0,
        Service = Service,
        Action = action,
        Outcome = outcome,
        Reason = reason,
        Who = Person.Name,
        At = mesh.Time.GetUtcNow(),
        Seconds = Math.Round(mesh.Time.GetElapsedTime(began).TotalSeconds, 3),
        Release = Release!,
        Replaced = Before.Document?.Active is { } active && active.Deployment != Release!.Deployment ? active : null,
        Tests = [.. Tests],
    };

    private static DeliveryException LockedBy(string service, LockHolder? holder) => new(
        ExitCode.Locked,
        holder is null
            ? $"{service} was locked by another until just now; run this again"
            : $"{service} is locked by {holder.Who} since {holder.Since:yyyy-MM-dd HH:mm:ss} UTC for: {holder.Why}. Wait for its end, then run this again, or let it wait with --wait 5m; "
            + $"the lock of a deployer that died goes by itself within {ServiceLock.TimeToLive.TotalSeconds * 2:0} s.");
}
