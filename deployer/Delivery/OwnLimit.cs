namespace ServiceMesh.Deployer.Delivery;

/// <summary>The time that the deployer gives itself for what an interruption does not end, such as the way back.</summary>
internal sealed class OwnLimit(TimeSpan within, TimeProvider time) : IDisposable
{
    // For all that it takes besides: a Consul that fails for a while, a proxy that does not follow, containers that end.
    private static readonly TimeSpan Besides = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource over = new(within, time);

    public CancellationToken Token => over.Token;

    /// <summary>How long it may take to take something out of the traffic, which may not be cut off before its replacement is healthy and it is drained.</summary>
    public static TimeSpan OfTheWayBack(TimeSpan deadline, TimeSpan drain) => deadline + drain + Besides;

    /// <summary>Why it failed: a call that is cut off by this looks like one that was not answered.</summary>
    public string Reason(Exception error) =>
        over.IsCancellationRequested ? $"it took longer than the {DurationText.Write(within)} that it has" : Faults.Explain(error)?.Reason ?? error.Message;

    public void Dispose() => over.Dispose();
}
