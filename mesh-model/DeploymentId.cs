using System.Security.Cryptography;

namespace ServiceMesh;

/// <summary>
/// What tells one release's instances from all others. It is random, so that a container of another origin cannot put
/// itself into a service's traffic by guessing a label's value.
/// </summary>
public static class DeploymentId
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>The length of an id in characters: 26 × 5 bits hold 130 random bits.</summary>
    public const int Length = 26;

    /// <summary>A new id of <see cref="Length"/> lower-case base32 characters (RFC 4648, section 6), cryptographically random.</summary>
    public static string New() => RandomNumberGenerator.GetString(Alphabet, Length);
}
