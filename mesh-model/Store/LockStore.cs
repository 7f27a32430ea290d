using System.Text.Json;
using Consul;

namespace ServiceMesh.Store;

/// <summary>Takes services' locks and tells who holds them.</summary>
public sealed class LockStore(IConsulClient consul, TimeProvider time)
{
    private static readonly LockHolder Unknown = new("somebody", "unknown", DateTimeOffset.UnixEpoch);

    /// <summary>Takes the service's lock if nobody holds it.</summary>
    /// <returns>The lock, or <c>null</c> if somebody else holds it.</returns>
    public async Task<ServiceLock?> TryAcquireAsync(string service, LockHolder holder, CancellationToken ct)
    {
        var session = (await consul.Session.Create(
            new SessionEntry
            {
                Name = $"deployer of {service}: {holder.Who}",
                TTL = ServiceLock.TimeToLive,
                Behavior = SessionBehavior.Delete,
                LockDelay = TimeSpan.Zero,
            },
            ct)).Response;
        var held = new ServiceLock(consul, time, session);
        try
        {
            var pair = new KVPair(MeshKeys.Lock(service))
            {
                Session = session,
                Value = JsonSerializer.SerializeToUtf8Bytes(holder, MeshJson.Default.LockHolder),
            };
            if ((await consul.KV.Acquire(pair, ct)).Response)
                return held;
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }

        await held.DisposeAsync();
        return null;
    }

    /// <summary>Takes the service's lock from whoever holds it, by ending the session that it hangs on.</summary>
    /// <returns>Whom it was taken from; <c>null</c> if nobody held it.</returns>
    public async Task<LockHolder?> BreakAsync(string service, CancellationToken ct)
    {
        if (await ReadAsync(service, ct) is not { Session: { } session } pair)
            return null;
        await consul.Session.Destroy(session, ct);
        return HolderOf(pair);
    }

    /// <summary>Who holds the service's lock; <c>null</c> if nobody does.</summary>
    public async Task<LockHolder?> HolderAsync(string service, CancellationToken ct) =>
        await ReadAsync(service, ct) is { Session: not null } pair ? HolderOf(pair) : null;

    /// <summary>Whether <paramref name="held"/> still holds the service's lock; its <see cref="ServiceLock.Lost"/> tells of it later.</summary>
    public async Task<bool> IsHeldAsync(string service, ServiceLock held, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(held);
        return (await ReadAsync(service, ct))?.Session == held.Session;
    }

    private static LockHolder HolderOf(KVPair pair)
    {
        try
        {
            return JsonSerializer.Deserialize(pair.Value, MeshJson.Default.LockHolder) ?? Unknown;
        }
        catch (JsonException)
        {
            return Unknown;
        }
    }

    // Whoever acts on it must not be told what a leader knew that is none any more.
    private async Task<KVPair?> ReadAsync(string service, CancellationToken ct) =>
        (await consul.KV.Get(MeshKeys.Lock(service), new QueryOptions { Consistency = ConsistencyMode.Consistent }, ct)).Response;
}
