namespace ServiceMesh.Proxy;

/// <summary>
/// A part that runs for as long as the host does. That it is stopped is no failure of its own, be it by a start that failed: the
/// host would take that for one, and tell of it before the reason.
/// </summary>
internal abstract class HostedLoop : BackgroundService
{
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Its work is over.
        }
    }

    /// <summary>Ends by the stop alone, or by a bug.</summary>
    protected abstract Task RunAsync(CancellationToken stoppingToken);
}
