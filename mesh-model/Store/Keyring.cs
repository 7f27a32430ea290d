using System.Security.Cryptography;
using System.Text;
using Consul;

namespace ServiceMesh.Store;

/// <summary>The keys that the deployers publish for the proxies under <c>mesh/keys/</c>. Immutable.</summary>
/// <param name="Signers">The public keys that a <see cref="CandidatePass"/> may be made with, by their ids.</param>
/// <param name="CookieKey">The key that the proxies sign their cookies with, the same for all; empty if there is none yet.</param>
public sealed record Keyring(IReadOnlyDictionary<string, ECDsa> Signers, ReadOnlyMemory<byte> CookieKey)
{
    /// <summary>The length of the cookie key in bytes.</summary>
    public const int CookieKeyBytes = 32;

    /// <summary>No keys.</summary>
    public static Keyring Empty { get; } = Of([], default(ReadOnlyMemory<byte>));

    /// <summary>The keys, each of them once.</summary>
    public static Keyring Of(IEnumerable<ECDsa> signers, ReadOnlyMemory<byte> cookieKey) =>
        new(signers.DistinctBy(CandidatePass.KeyId).ToDictionary(CandidatePass.KeyId, StringComparer.Ordinal), cookieKey);

    internal static Keyring Of(IEnumerable<KVPair> pairs)
    {
        List<ECDsa> signers = [];
        var cookie = Array.Empty<byte>();
        foreach (var pair in pairs)
        {
            if (pair.Key == MeshKeys.Cookie && pair.Value is { Length: CookieKeyBytes })
                cookie = pair.Value;
            else if (pair.Key.StartsWith(MeshKeys.Signers, StringComparison.Ordinal) && TryRead(pair.Value) is { } signer)
                signers.Add(signer);
        }

        return Of(signers, cookie);
    }

    // What is no key opens nothing.
    private static ECDsa? TryRead(byte[]? pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(Encoding.ASCII.GetString(pem ?? []));
            return key;
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            key.Dispose();
            return null;
        }
    }
}
