using Consul;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>How an attempt ends that failed: undone where it may be, told as what became of production.</summary>
internal sealed partial class Attempt
{
    /// <summary>What a failure means; <c>null</c> for a bug. Whatever a cancelled call ends with, the cancellation is the reason.</summary>
    public DeliveryException? Explain(Exception error) => Faults.Explain(error) switch
    {
        { } when error is not DeliveryException && Token.IsCancellationRequested => WhyCancelled(),
        var fault => fault,
    };

    /// <summary>Undoes what was begun, unless another may be at work or Consul stays away, and writes the failure to the history.</summary>
    /// <param name="error">Why it failed.</param>
    /// <param name="undo">Undoes it; is told the reason.</param>
    /// <returns>What it ends with; <c>null</c> for a bug.</returns>
    public async Task<DeliveryException?> FailAsync(Exception error, Func<string, Task>? undo = null)
    {
        var fault = await held.IsTakenAwayAsync() ? WhyCancelled() : Explain(error);
        DeliveryException? hindrance = null;
        if (undo is not null && unknown is null)
        {
            hindrance = await ResumeAsync();
            if (hindrance is null)
                await undo(fault?.Reason ?? error.Message);
            else
                narrator.Warn($"what was begun is left as it is, for the next deploy or abort of {Service}: {hindrance.Message}");
        }

        if (fault is not null && !ReferenceEquals(fault, unknown) && (Serving is not null || (!Reverted && (unknown is not null || left != Before.Index))))
            fault = NotUndone(fault, hindrance);
        // A reversion was told with its transaction.
        if (!Reverted)
        {
            await RecordAsync(
                fault?.Code switch
                {
                    ExitCode.Rejected => Outcome.Rejected,
                    ExitCode.Unhealthy => Outcome.Unhealthy,
                    ExitCode.Reverted => Outcome.Reverted,
                    _ => Outcome.Aborted,
                },
                fault?.Message ?? error.Message);
        }

        return fault is null ? null : Told(fault);
    }

    /// <summary>Writes to the history alone, as far as that can be done.</summary>
    public async Task RecordAsync(Outcome outcome, string reason)
    {
        if (Release is null || unknown is not null || held.Lock is not { } own)
            return;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5), mesh.Time);
        try
        {
            var result = await mesh.Store.CommitAsync(own, document: null, expectedIndex: 0, await EntryAsync(outcome, reason, deadline.Token), deadline.Token);
            if (!result.Committed)
                narrator.Warn($"the history of {Service} could not be written: {result.Conflict}");
        }
        catch (Exception error) when (error is ConsulRequestException or OperationCanceledException)
        {
            narrator.Warn($"the history of {Service} could not be written: {error.Message}");
        }
    }

    /// <summary>How a failure is told that changed production and was not undone.</summary>
    public DeliveryException NotUndone(DeliveryException fault, DeliveryException? hindrance) => new(
        (unknown ?? hindrance)?.Code ?? (Current.Index == left ? ExitCode.Unreachable : fault.Code),
        $"{fault.Reason.TrimEnd('.')}. {unknown?.Message ?? $"{WhyNotUndone}: {Serving ?? Standing.Of(Current, Release!)}"}",
        fault)
    {
        LogTail = fault.LogTail,
    };

    /// <summary>The same failure, with what was tried.</summary>
    public DeliveryException Told(DeliveryException fault)
    {
        fault.Tried = new Tried(Service, Release, Tests);
        return fault;
    }

    private string WhyNotUndone => Current.Index == left ? "This could not be undone" : $"Another changed {Service} meanwhile";

    private DeliveryException WhyCancelled() => Interruption.IsCancellationRequested ? Faults.Interrupted() : Faults.LockLost(Service);
}
