using ServiceMesh.Policy;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Traffic.Waiting;

/// <summary>Lets a request wait that cannot be sent now: while its service is paused, and for a place at an instance.</summary>
internal sealed class Patience(SnapshotHolder snapshots, WaitingRoom room, TimeProvider time)
{
    /// <summary>Holds a request of a paused service until the service is another, or the routes are.</summary>
    /// <returns>Whether to go on; else the client has its answer.</returns>
    public async ValueTask<bool> PausedAsync(Exchange exchange, Snapshot snapshot, ServiceModel service, Pause pause)
    {
        exchange.HeldSince ??= time.GetTimestamp();
        exchange.HeldAtMost = pause.Limit ?? Pause.DefaultLimit;
        // Its time in a line is counted anew behind the pause.
        exchange.WaitsSince = null;
        if (LeftToHold(exchange) > TimeSpan.Zero)
        {
            if (!room.TryEnter())
            {
                exchange.Refuse(service, Refusal.Paused);
                await Problem.UnavailableAsync(exchange.Context, "The service is paused, and too many requests wait for it already.");
                return false;
            }

            service.State.Meter.Hold();
            try
            {
                // It keeps its place meanwhile: whoever came later must not have it.
                while (true)
                {
                    var change = snapshots.ChangeAsync(service.Stored.Service);
                    var now = snapshots.Current;
                    if (!ReferenceEquals(now.Routes, snapshot.Routes) || !ReferenceEquals(now.Services.GetValueOrDefault(service.Stored.Service), service))
                        return true;
                    await change.WaitAsync(LeftToHold(exchange), time, exchange.Context.RequestAborted);
                }
            }
            catch (TimeoutException)
            {
                // Said below.
            }
            catch (OperationCanceledException) when (exchange.Context.RequestAborted.IsCancellationRequested)
            {
                return false;
            }
            finally
            {
                room.Leave();
                service.State.Meter.LetGo();
            }
        }

        exchange.Refuse(service, Refusal.Paused);
        await Problem.WriteAsync(
            exchange.Context, StatusCodes.Status504GatewayTimeout, "The service is paused, and was for as long as a request may wait.");
        return false;
    }

    // Of the time that a pause may hold it, whether one does still or not; none for a request that was not held.
    private TimeSpan LeftToHold(Exchange exchange)
    {
        var left = exchange.HeldSince is { } since ? exchange.HeldAtMost - time.GetElapsedTime(since) : TimeSpan.Zero;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Waits for a place at one of the instances that the request may go to.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="service">Its service.</param>
    /// <param name="full">The instances, each of which had as many requests as it may when it was asked.</param>
    /// <param name="limit">The limit.</param>
    /// <returns>Whether to choose again; else the client has its answer.</returns>
    public async ValueTask<bool> PlaceAsync(Exchange exchange, ServiceModel service, ReleasePool full, ConcurrencyLimit limit)
    {
        // Those that a pause held come all at once when it ends, and are answered as if it had not been: they came before whoever
        // comes now, and may wait here for as long as they could have been held.
        var longest = (exchange.WaitsSince ?? exchange.HeldSince) is null ? limit.Queue : int.MaxValue;
        exchange.WaitsSince ??= time.GetTimestamp();
        var inLine = (limit.Wait ?? ConcurrencyLimit.DefaultWait) - time.GetElapsedTime(exchange.WaitsSince.Value);
        var left = inLine > LeftToHold(exchange) ? inLine : LeftToHold(exchange);
        try
        {
            var isChoosy = !ReferenceEquals(full, service.Active) && !ReferenceEquals(full, service.Split);
            var turn = new Turn(full.Members[0].Instance.Deployment, longest, exchange.HeldSince ?? exchange.WaitsSince.Value, left, isChoosy);
            if (left > TimeSpan.Zero
                && await service.State.Line.WaitAsync(turn, () => HasPlace(service, full, limit), time, exchange.Context.RequestAborted))
            {
                return true;
            }
        }
        catch (OperationCanceledException) when (exchange.Context.RequestAborted.IsCancellationRequested)
        {
            return false;
        }

        exchange.Refuse(service, Refusal.Full);
        await Problem.UnavailableAsync(
            exchange.Context, $"Service '{service.Stored.Service}' has as many requests as its instances may have at once.");
        return false;
    }

    // A service that changed before the request stood in its line may have other instances for it.
    private bool HasPlace(ServiceModel service, ReleasePool pool, ConcurrencyLimit limit) =>
        pool.HasPlace(limit)
        || !ReferenceEquals(snapshots.Current.Services.GetValueOrDefault(service.Stored.Service), service);
}
