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
        // Its time in a line is counted anew behind the pause.
        exchange.WaitsSince = null;
        if (Left(exchange, pause) > TimeSpan.Zero)
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
                var next = snapshot;
                while (ReferenceEquals(next.Routes, snapshot.Routes)
                    && ReferenceEquals(next.Services.GetValueOrDefault(service.Stored.Service), service))
                {
                    await snapshots.NextAsync(next).WaitAsync(Left(exchange, pause), time, exchange.Context.RequestAborted);
                    next = snapshots.Current;
                }

                return true;
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

    private TimeSpan Left(Exchange exchange, Pause pause)
    {
        var left = (pause.Limit ?? Pause.DefaultLimit) - time.GetElapsedTime(exchange.HeldSince!.Value);
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
        var longest = exchange.WaitsSince is null ? limit.Queue : int.MaxValue;
        exchange.WaitsSince ??= time.GetTimestamp();
        var left = (limit.Wait ?? ConcurrencyLimit.DefaultWait) - time.GetElapsedTime(exchange.WaitsSince.Value);
        try
        {
            var turn = new Turn(full.Members[0].Instance.Deployment, longest, exchange.WaitsSince.Value, left);
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
