using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ServiceMesh;

/// <summary>
/// A request header that leads past the document to one deployment's instances, so that tests may cross the real proxy
/// before a promotion. Only who holds the private key can make one; the proxies know the public keys from Consul KV. Its
/// text is <c>&lt;deployment&gt;.&lt;end, Unix seconds&gt;.&lt;key id&gt;.&lt;signature, base64url&gt;</c>; signed are the
/// service, the deployment and the end with ECDSA over P-256 and SHA-256. By the id a forged pass costs one check at most,
/// however many keys there are.
/// </summary>
public static class CandidatePass
{
    /// <summary>The header's name.</summary>
    public const string Header = "Mesh-Candidate";

    /// <summary>How long a pass may be valid at most; one with a later end is refused.</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromHours(24);

    private const int KeyIdLength = 16;

    /// <summary>A public key's id: the first 16 hexadecimal digits of the SHA-256 of its SubjectPublicKeyInfo.</summary>
    public static string KeyId(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..KeyIdLength];
    }

    /// <summary>Makes a pass.</summary>
    public static string Sign(ECDsa key, string service, string deployment, DateTimeOffset end)
    {
        ArgumentNullException.ThrowIfNull(key);
        var seconds = end.ToUnixTimeSeconds();
        var signature = key.SignData(Signed(service, deployment, seconds), HashAlgorithmName.SHA256);
        return string.Create(CultureInfo.InvariantCulture, $"{deployment}.{seconds}.{KeyId(key)}.{Base64Url.EncodeToString(signature)}");
    }

    /// <summary>The deployment that a pass leads to; <c>null</c> if it is not for this service, has ended, or no key made it.</summary>
    /// <param name="text">The pass.</param>
    /// <param name="service">The service that is asked for.</param>
    /// <param name="keys">The public keys by their ids.</param>
    /// <param name="now">The time.</param>
    public static string? Check(string text, string service, IReadOnlyDictionary<string, ECDsa> keys, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (text?.Split('.') is not [var deployment, var end, var id, var signature]
            || !keys.TryGetValue(id, out var key)
            || !long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || seconds < now.ToUnixTimeSeconds()
            || seconds > (now + Longest).ToUnixTimeSeconds()
            || signature.Length > 200
            || !Base64Url.IsValid(signature))
        {
            return null;
        }

        return key.VerifyData(Signed(service, deployment, seconds), Base64Url.DecodeFromChars(signature), HashAlgorithmName.SHA256) ? deployment : null;
    }

    private static byte[] Signed(string service, string deployment, long seconds) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{service}\n{deployment}\n{seconds}"));
}
