using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Following;

/// <summary>Follows the keys that the deployers publish. Without any, the proxy signs its cookies with a key of its own.</summary>
internal sealed class Keys(MeshStore store) : BackgroundService
{
    private Keyring ring = Own(Keyring.Empty);

    /// <summary>The keys as they are known now; the cookie key is never empty.</summary>
    public Keyring Ring => Volatile.Read(ref ring);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var next in store.WatchKeysAsync(stoppingToken))
            Volatile.Write(ref ring, next.CookieKey.IsEmpty ? Own(next) : next);
    }

    private static Keyring Own(Keyring ring) =>
        ring with { CookieKey = System.Security.Cryptography.RandomNumberGenerator.GetBytes(Keyring.CookieKeyBytes) };
}
