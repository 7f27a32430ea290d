namespace ServiceMesh.Proxy;

/// <summary>
/// A part that runs for as long as the host does. That it is stopped is no failure of its own, be it by a start that failed: the
/// host would take that for one, and tell of it before the reason.
/// </summary>
internal abstract class HostedLoop : BackgroundService
{
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Returns when the loop runs: one that is stopped before would be a cancelled task, and could not say that it has not failed.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        await begun.Task.WaitAsync(cancellationToken);
    }

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        begun.TrySetResult();
        try
        {
            await RunAsync(stoppingToken);
        }
        catch (Exception error) when (stoppingToken.IsCancellationRequested && error is OperationCanceledException or ObjectDisposedException)
        {
            // Its work is over. A start that failed disposes of what the loop needs, and waits for no loop.
        }
    }

    /// <summary>Ends by the stop alone, or by a bug.</summary>
    protected abstract Task RunAsync(CancellationToken stoppingToken);
}
