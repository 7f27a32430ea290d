using System.Security.Cryptography;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>
/// Follows the keys that the deployers publish, and keeps them on disk for a start without Consul. Where no key for cookies was
/// ever published, the proxy signs them with one of its own, which it keeps, too.
/// </summary>
internal sealed class Keys(MeshStore store, KeyringFile file) : HostedLoop
{
    private readonly TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Keyring ring = Keyring.Empty with { CookieKey = RandomNumberGenerator.GetBytes(Keyring.CookieKeyBytes) };

    /// <summary>The keys as they are known now; the cookie key is never empty.</summary>
    public Keyring Ring => Volatile.Read(ref ring);

    /// <summary>Ends when Consul has told of them.</summary>
    public Task Told => told.Task;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (file.Read() is { } kept)
            Volatile.Write(ref ring, kept);
        return base.StartAsync(cancellationToken);
    }

    protected override async Task RunAsync(CancellationToken stoppingToken)
    {
        await foreach (var next in store.WatchKeysAsync(stoppingToken))
        {
            Volatile.Write(ref ring, next.CookieKey.IsEmpty ? next with { CookieKey = Ring.CookieKey } : next);
            told.TrySetResult();
            await file.WriteAsync(Ring, stoppingToken);
        }
    }
}
