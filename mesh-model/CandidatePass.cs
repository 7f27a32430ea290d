using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ServiceMesh;

/// <summary>
/// A request header that leads past the document to one deployment's instances, so that tests may cross the real proxy
/// before a promotion. Only who holds the private key can make one; the proxies know the public keys from Consul KV. Its
/// text is <c>&lt;deployment&gt;.&lt;end, Unix seconds&gt;.&lt;signature, base64url&gt;</c>; signed are the service, the
/// deployment and the end with ECDSA over P-256 and SHA-256.
/// </summary>
public static class CandidatePass
{
    /// <summary>The header's name.</summary>
    public const string Header = "Mesh-Candidate";

    /// <summary>How long a pass may be valid at most; one with a later end is refused.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromHours(24);

    /// <summary>Makes a pass.</summary>
    public static string Sign(ECDsa key, string service, string deployment, DateTimeOffset end)
    {
        ArgumentNullException.ThrowIfNull(key);
        var seconds = end.ToUnixTimeSeconds();
        var signature = key.SignData(Signed(service, deployment, seconds), HashAlgorithmName.SHA256);
        return string.Create(CultureInfo.InvariantCulture, $"{deployment}.{seconds}.{Base64Url.EncodeToString(signature)}");
    }

    /// <summary>The deployment that a pass leads to; <c>null</c> if it is not for this service, has ended, or no key made it.</summary>
    public static string? Check(string text, string service, IEnumerable<ECDsa> keys, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (text?.Split('.') is not [var deployment, var end, var signature]
            || !long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || seconds < now.ToUnixTimeSeconds()
            || seconds > (now + Longest).ToUnixTimeSeconds()
            || signature.Length > 200
            || !Base64Url.IsValid(signature))
        {
            return null;
        }

        var (signed, bytes) = (Signed(service, deployment, seconds), Base64Url.DecodeFromChars(signature));
        return keys.Any(key => key.VerifyData(signed, bytes, HashAlgorithmName.SHA256)) ? deployment : null;
    }

    private static byte[] Signed(string service, string deployment, long seconds) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{service}\n{deployment}\n{seconds}"));
}
