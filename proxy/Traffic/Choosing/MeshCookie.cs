using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ServiceMesh.Proxy.Traffic.Choosing;

/// <summary>
/// What a proxy remembers of a client in the cookie <c>mesh-&lt;service&gt;</c>: its bucket and, where the service is
/// sticky, its instance. It is signed, so that nobody chooses a release or an instance for himself.
/// </summary>
/// <param name="Bucket">See <see cref="Choosing.Bucket"/>.</param>
/// <param name="Instance">The instance's tag; empty for none.</param>
internal readonly record struct MeshCookie(int Bucket, string Instance)
{
    private const int SignatureBytes = 12;

    private static readonly CookieOptions Lasting = new()
    {
        Path = "/",
        HttpOnly = true,
        IsEssential = true,
        SameSite = SameSiteMode.Lax,
        MaxAge = TimeSpan.FromDays(30),
    };

    public static string NameOf(string service) => $"mesh-{service}";

    /// <summary>What the request brings; <c>null</c> if nothing, or nothing that was signed for this service with the key.</summary>
    public static MeshCookie? Read(HttpRequest request, string service, ReadOnlySpan<byte> key) =>
        request.Cookies.TryGetValue(NameOf(service), out var text) ? Parse(text, service, key) : null;

    internal static MeshCookie? Parse(string text, string service, ReadOnlySpan<byte> key)
    {
        var end = text.LastIndexOf('.');
        if (end < 0 || text.Length > 100)
            return null;
        var said = text[..end];
        if (!CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(text.AsSpan(end + 1).ToString()), Encoding.UTF8.GetBytes(Signature(said, service, key))))
        {
            return null;
        }

        return said.Split('.') is [var bucket, var instance] && int.TryParse(bucket, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new MeshCookie(number, instance)
            : null;
    }

    public string Text(string service, ReadOnlySpan<byte> key)
    {
        var said = string.Create(CultureInfo.InvariantCulture, $"{Bucket}.{Instance}");
        return $"{said}.{Signature(said, service, key)}";
    }

    /// <param name="answer">The answer that it goes out with.</param>
    /// <param name="service">The service that it is for.</param>
    /// <param name="key">The key that it is signed with.</param>
    /// <param name="isSecure">Whether the client came with TLS: then it brings the cookie by TLS alone.</param>
    public void Issue(HttpResponse answer, string service, ReadOnlySpan<byte> key, bool isSecure) =>
        answer.Cookies.Append(NameOf(service), Text(service, key), isSecure ? new CookieOptions(Lasting) { Secure = true } : Lasting);

    private static string Signature(string said, string service, ReadOnlySpan<byte> key) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{service}\n{said}")).AsSpan(0, SignatureBytes));
}
