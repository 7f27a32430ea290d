using System.Security.Cryptography;
using Consul;
using ServiceMesh.Deployer.Output;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>One attempt to change what a service serves: begun by taking its lock, ended by one transaction or none.</summary>
internal sealed partial class Attempt : IAsyncDisposable
{
    private const int RevertTries = 3;

    // Each takes as long as it takes to list all documents, in which a busy mesh may always write one.
    private const int MostLooks = 10;

    private readonly Mesh mesh;
    private readonly Narrator narrator;
    private readonly string action;
    private readonly HeldLock held;
    private readonly long began;
    private readonly CancellationTokenSource over = new();
    private Task beforehand = Task.CompletedTask;
    private ulong left;
    private bool warnsOfHold;
    private DeliveryException? unknown;

    private Attempt(Mesh mesh, Narrator narrator, string service, string action, HeldLock held)
    {
        (this.mesh, this.narrator, this.action, this.held) = (mesh, narrator, action, held);
        Service = service;
        began = mesh.Time.GetTimestamp();
        Before = Current = new StoredDocument(service, null, 0, null);
    }

    public string Service { get; }

    /// <summary>Cancelled when the person interrupts or the lock is lost.</summary>
    public CancellationToken Token => held.Token;

    /// <summary>Cancelled when the person interrupts.</summary>
    public CancellationToken Interruption => held.Interruption;

    /// <summary>The service's document when the lock was taken.</summary>
    public StoredDocument Before { get; private set; }

    /// <summary>The service's document, as far as it is known.</summary>
    public StoredDocument Current { get; private set; }

    /// <summary>The release that it is about, as far as it is known yet.</summary>
    public Release? Release { get; set; }

    /// <summary>What may serve by what was begun although no document tells of it, and which verb ends that; <c>null</c> for nothing, or where it is undone.</summary>
    public string? Serving { get; set; }

    /// <summary>Whether what it had committed was taken back.</summary>
    public bool Reverted { get; private set; }

    /// <summary>How the suites of the release's tests went that have run.</summary>
    public List<TestRun> Tests { get; } = [];

    public static async Task<Attempt> BeginAsync(Mesh mesh, Narrator narrator, string service, string action, string why, CancellationToken ct)
    {
        var self = new LockHolder(Person.Name, why, mesh.Time.GetUtcNow());
        var taken = await narrator.PhaseAsync("lock", async () => (
            await HeldLock.TakeAsync(mesh, narrator, service, self, ct), $"{service} is locked by {self.Who}"));
        var attempt = new Attempt(mesh, narrator, service, action, taken);
        try
        {
            attempt.Before = attempt.Current = await ConsulAnswer.OfAsync(() => mesh.Store.ReadAsync(service, ct), mesh.Time, ct) ?? attempt.Before;
            attempt.left = attempt.Before.Index;
            if (attempt.Before.Fault is { } fault)
                throw Faults.NoDocument(service, fault);
            attempt.WarnOfHold();
            return attempt;
        }
        catch (Exception error)
        {
            var fault = attempt.Explain(error);
            await attempt.DisposeAsync();
            if (fault is null)
                throw;
            throw attempt.Told(fault);
        }
    }

    /// <summary>Warns of proxies that do not follow already. Beside all else: one that does not answer delays nothing.</summary>
    public void AskProxies() => beforehand = new ProxiesFollow(mesh, narrator).WarnBeforehandAsync(Before, over.Token);

    /// <summary>The one transaction. Once it is sent it is not interrupted: its outcome must be known.</summary>
    /// <returns>The index at which production changed.</returns>
    public Task<ulong> CommitAsync(ServiceDocument after) => CommitAsync(after, Outcome.Promoted, reason: null);

    /// <summary>
    /// The same for what depends on other services' documents: <paramref name="look"/> looks at them and gives the document, again
    /// where one was written meanwhile. Where that never ends the last look has to do: that others are delivered is no reason to fail.
    /// </summary>
    public async Task<ulong> CommitAsync(Func<Task<ServiceDocument>> look)
    {
        for (var looks = 1; ; looks++)
        {
            ulong? latest = looks > MostLooks ? null : await ConsulAnswer.OfAsync(() => mesh.Store.LatestAsync(Token), mesh.Time, Token);
            if (await TryCommitAsync(await look(), Outcome.Promoted, reason: null, latest) is { } index)
                return index;
            // Two that come into each other's way do not do so in step.
            await Task.Delay(TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(20, 200)), mesh.Time, Token);
        }
    }

    /// <summary>The same for a change that promotes nothing; <paramref name="what"/> tells of it in the history.</summary>
    public Task<ulong> ChangeAsync(ServiceDocument after, string what) => CommitAsync(after, Outcome.Changed, what);

    /// <summary>The same for the way back, which an interruption does not stop, and which is tried again while that may help.</summary>
    public async Task<ulong> RevertAsync(ServiceDocument after, string reason)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await CommitAsync(after, Outcome.Reverted, reason);
            }
            catch (Exception error) when (tries < RevertTries && unknown is null && error is DeliveryException or ConsulRequestException { IsTransient: true })
            {
                // Consul has not even begun: it is waited for as after a transaction that was lost.
                if (error is ConsulRequestException)
                    await held.GiveBackAsync();
                if (await ResumeAsync() is { } hindrance)
                    throw hindrance;
            }
        }
    }

    /// <summary>
    /// Makes sure, before anything is undone or tidied up, that nobody else is at work: waits for a Consul that is away, and takes
    /// the lock again where it was lost or given back. What another has made of the release since stays as it is.
    /// </summary>
    /// <returns>What stands in the way; <c>null</c> for nothing.</returns>
    public async Task<DeliveryException?> ResumeAsync()
    {
        if (held.IsHeld)
            return null;
        var hindrance = await held.RetakeAsync(async ct => Current = await mesh.Store.ReadAsync(Service, ct) ?? new StoredDocument(Service, null, 0, null));
        if (hindrance is not null || !Standing.IsNamed(Current, Release) || (Current.Index == left && Current.Fault is null))
            return hindrance;
        await held.GiveBackAsync();
        return ChangedByAnother();
    }

    /// <summary>
    /// Makes sure, directly before containers are stopped or removed, that nobody else is at work, and that the document still
    /// stands by which they may go: the transactions are fenced by Consul, but Docker knows of no lock.
    /// </summary>
    /// <param name="index">That document's index; 0 for none.</param>
    /// <param name="ct">Ends the question.</param>
    public async Task FenceAsync(ulong index, CancellationToken ct)
    {
        if (!await ConsulAnswer.OfAsync(() => held.IsOursAsync(ct), mesh.Time, ct))
            throw Faults.LockLost(Service);
        var stored = await ConsulAnswer.OfAsync(() => mesh.Store.ReadAsync(Service, ct), mesh.Time, ct);
        if ((stored?.Index ?? 0) == index && stored?.Fault is null)
            return;
        await held.GiveBackAsync();
        throw ChangedByAnother();
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await beforehand;
        if (warnsOfHold && Holding.Sentence(Current.Document, "still ") is { } hold)
            narrator.Warn(hold);
        await held.DisposeAsync();
        over.Dispose();
    }

    // The verbs that begin and end it tell of it themselves.
    private void WarnOfHold()
    {
        if (action is "pause" or "maintenance" or "resume" || Holding.Sentence(Before.Document) is not { } hold)
            return;
        warnsOfHold = true;
        narrator.Warn($"{hold}; until then whatever is asked through the proxies gets the same{(action == "deploy" ? ", a canary, too" : "")}");
    }

    private async Task<ulong> CommitAsync(ServiceDocument after, Outcome outcome, string? reason) => (await TryCommitAsync(after, outcome, reason, latest: null))!.Value;

    /// <returns>The index at which production changed; <c>null</c> where another service's document was written after <paramref name="latest"/>.</returns>
    private async Task<ulong?> TryCommitAsync(ServiceDocument after, Outcome outcome, string? reason, ulong? latest)
    {
        var ct = outcome == Outcome.Reverted ? CancellationToken.None : Token;
        ct.ThrowIfCancellationRequested();
        if (held.Lock is not { } own)
            throw WhyCancelled();
        // The rule by which the proxies read: what they would set aside is not written.
        if (DocumentFormat.TryRead(Service, DocumentFormat.Write(after), out _) is { } fault)
            throw new DeliveryException(ExitCode.WrongInput, $"the document of {Service} would not be understood: {fault}. Mend what was asked for, then run this again.");
        var entry = await EntryAsync(outcome, reason, ct);
        try
        {
            var result = await mesh.Store.CommitAsync(own, after, left, entry, CancellationToken.None, latest);
            if (result.Committed)
                return Committed(after, result.Index, outcome);
            if (result.IsOvertaken)
                return null;
        }
        catch (ConsulRequestException error) when (error.IsTransient || error.Fault == ConsulFault.Unreadable)
        {
            return await SettleAsync(after, entry, error);
        }

        // Whoever has it now is asked for before anything is undone.
        await held.GiveBackAsync();
        var refused = $"Consul refused the change, because the lock of {Service} was lost or somebody changed it without the lock";
        throw new DeliveryException(ExitCode.Locked, $"{refused}. Look at 'deployer status {Service}', then run this again.") { Reason = refused };
    }

    // The answer was lost. Giving the lock back fences the transaction: from then on it can only have happened already.
    private async Task<ulong> SettleAsync(ServiceDocument after, HistoryEntry entry, ConsulRequestException lost)
    {
        var what = entry.Outcome == Outcome.Promoted ? "promotion" : "change";
        narrator.Warn($"Consul went away during the {what} ({lost.Message}); finding out whether it took place");
        await held.GiveBackAsync();
        ulong? index = null;
        // By its entry in the history: others may have changed the document since.
        if (await held.FencedAsync(async ct => index = await mesh.Store.CommittedAtAsync(entry, ct)) is { } silence)
        {
            throw unknown = new DeliveryException(
                ExitCode.Unreachable,
                $"Consul went away during the {what}, and then: {silence.Reason.TrimEnd('.')}. Whether {Service} {Release?.Version} {(entry.Outcome == Outcome.Promoted ? "is active" : "has traffic")} is not known, so its "
                + $"containers were left running. When Consul answers again, 'deployer status {Service}' tells, 'deployer abort {Service}' ends what is unfinished, and the next deploy tidies up.",
                lost);
        }

        if (index is not null)
            Committed(after, index.Value, entry.Outcome);
        if (await ResumeAsync() is not null)
            await held.CancelAsync();
        var refused = $"Consul went away during the {what}, and it did not take place ({lost.Message})";
        return index ?? throw new DeliveryException(ExitCode.Unreachable, $"{refused}; production is unchanged. Run this again.", lost) { Reason = refused };
    }

    private DeliveryException ChangedByAnother() =>
        new(ExitCode.Locked, $"{Service} was changed by another meanwhile ('deployer history {Service}' tells by whom)");

    private ulong Committed(ServiceDocument after, ulong index, Outcome outcome)
    {
        Current = new StoredDocument(Service, after, index, Fault: null);
        left = index;
        Reverted |= outcome == Outcome.Reverted;
        return index;
    }

    private async Task<HistoryEntry> EntryAsync(Outcome outcome, string? reason, CancellationToken ct) => new()
    {
        Number = await ConsulAnswer.OfAsync(() => mesh.Store.NextNumberAsync(Service, ct), mesh.Time, ct),
        Service = Service,
        Action = action,
        Outcome = outcome,
        Reason = reason,
        Who = Person.Name,
        At = mesh.Time.GetUtcNow(),
        Seconds = Math.Round(mesh.Time.GetElapsedTime(began).TotalSeconds, 3),
        Release = Release!,
        Replaced = Before.Document?.Active is { } active && active.Deployment != Release!.Deployment ? active : null,
        Tests = KeptTests.Of(Tests),
    };
}
