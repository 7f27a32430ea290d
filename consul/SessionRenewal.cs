namespace Consul;

/// <summary>Keeps one session alive.</summary>
internal sealed class SessionRenewal(ISessionEndpoint sessions, TimeProvider time)
{
    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(1);

    public async Task Run(TimeSpan initialTtl, string id, WriteOptions? options, CancellationToken ct)
    {
        try
        {
            await RenewForever(initialTtl, id, options, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Cancelled is how a renewal ends well; the lock must not stay until the TTL is over.
            await sessions.Destroy(id, options, CancellationToken.None);
        }
    }

    private async Task RenewForever(TimeSpan ttl, string id, WriteOptions? options, CancellationToken ct)
    {
        var renewedAt = time.GetTimestamp();
        var wait = ttl / 2;
        while (true)
        {
            await Task.Delay(wait, time, ct);
            var sentAt = time.GetTimestamp();
            try
            {
                var renewed = await sessions.Renew(id, options, ct);
                renewedAt = sentAt;
                ttl = renewed.Response.TTL ?? ttl;
                wait = ttl / 2;
            }
            catch (ConsulRequestException) when (time.GetElapsedTime(renewedAt) < ttl)
            {
                wait = s_retryAfter;
            }
        }
    }
}
