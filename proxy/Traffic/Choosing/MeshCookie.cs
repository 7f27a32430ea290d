using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace ServiceMesh.Proxy.Traffic.Choosing;

/// <summary>
/// What a proxy remembers of a client in the cookie <c>mesh-&lt;service&gt;</c>: its bucket and, where the service is
/// sticky, its instance. It is signed, so that nobody chooses a release or an instance for himself.
/// </summary>
/// <param name="Bucket">See <see cref="Choosing.Bucket"/>.</param>
/// <param name="Instance">The instance's tag; empty for none.</param>
internal readonly record struct MeshCookie(int Bucket, string Instance)
{
    private const int Longest = 100;
    private const int SignatureBytes = 12;
    private const int SignatureLength = SignatureBytes / 3 * 4;

    // They are the same of every cookie, and so spelled once.
    private static readonly string Attributes = AttributesOf(isSecure: false);
    private static readonly string SecureAttributes = AttributesOf(isSecure: true);

    // To make ready to sign takes longer than to sign, and a signer serves one thread at a time.
    [ThreadStatic]
    private static Signer? signer;

    public static string NameOf(string service) => $"mesh-{service}";

    /// <summary>What the request brings; <c>null</c> if nothing, or nothing that was signed for this service with the key.</summary>
    public static MeshCookie? Read(HttpRequest request, string service, ReadOnlySpan<byte> key) =>
        request.Headers.Cookie.Count > 0 && request.Cookies.TryGetValue(NameOf(service), out var text) ? Parse(text, service, key) : null;

    internal static MeshCookie? Parse(string text, string service, ReadOnlySpan<byte> key)
    {
        var end = text.LastIndexOf('.');
        if (end < 0 || text.Length > Longest)
            return null;
        var said = text.AsSpan(0, end);
        Span<char> signature = stackalloc char[SignatureLength];
        Sign(said, service, key, signature);
        if (!CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(text.AsSpan(end + 1)), MemoryMarshal.AsBytes(signature)))
            return null;

        var dot = said.IndexOf('.');
        return dot >= 0 && int.TryParse(said[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var bucket)
            ? new MeshCookie(bucket, said[(dot + 1)..].ToString())
            : null;
    }

    public string Text(string service, ReadOnlySpan<byte> key)
    {
        Span<char> said = stackalloc char[Longest];
        said.TryWrite(CultureInfo.InvariantCulture, $"{Bucket}.{Instance}", out var length);
        Span<char> signature = stackalloc char[SignatureLength];
        Sign(said[..length], service, key, signature);
        return string.Concat(said[..length], ".", signature);
    }

    /// <summary>Sends it with the answer, which is its client's alone then: no cache may give it, and the cookie, to others.</summary>
    /// <param name="answer">The answer that it goes out with.</param>
    /// <param name="service">The service that it is for.</param>
    /// <param name="key">The key that it is signed with.</param>
    /// <param name="isSecure">Whether the client came with TLS: then it brings the cookie by TLS alone.</param>
    public void Issue(HttpResponse answer, string service, ReadOnlySpan<byte> key, bool isSecure)
    {
        answer.Headers.Append(HeaderNames.SetCookie, string.Concat(NameOf(service), "=", Text(service, key), isSecure ? SecureAttributes : Attributes));
        answer.Headers.CacheControl = answer.Headers.CacheControl is { Count: > 0 } told ? Privately(told.ToString()) : CacheControlHeaderValue.PrivateString;
    }

    private static string Privately(string told)
    {
        if (!CacheControlHeaderValue.TryParse(told, out var control))
            return CacheControlHeaderValue.PrivateString;
        if (control.NoStore)
            return told;
        (control.Public, control.Private, control.SharedMaxAge) = (false, true, null);
        control.PrivateHeaders.Clear();
        return control.ToString();
    }

    private static string AttributesOf(bool isSecure) => new SetCookieHeaderValue("name")
    {
        Path = "/",
        HttpOnly = true,
        Secure = isSecure,
        SameSite = Microsoft.Net.Http.Headers.SameSiteMode.Lax,
        MaxAge = TimeSpan.FromDays(30),
    }.ToString()["name=".Length..];

    private static void Sign(ReadOnlySpan<char> said, string service, ReadOnlySpan<byte> key, Span<char> signature)
    {
        if (signer?.IsFor(key) != true)
        {
            signer?.Dispose();
            signer = new Signer(key);
        }

        signer.Sign(said, service, signature);
    }

    private sealed class Signer(ReadOnlySpan<byte> key) : IDisposable
    {
        // Of one sign there are three bytes at most.
        private const int Most = ServiceName.LongestName + 1 + (Longest * 3);

        private readonly byte[] key = key.ToArray();
        private readonly IncrementalHash hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);

        public bool IsFor(ReadOnlySpan<byte> other) => other.SequenceEqual(key);

        public void Sign(ReadOnlySpan<char> said, string service, Span<char> signature)
        {
            Span<byte> text = stackalloc byte[Most];
            var length = Encoding.UTF8.GetBytes(service, text);
            text[length++] = (byte)'\n';
            length += Encoding.UTF8.GetBytes(said, text[length..]);
            hash.AppendData(text[..length]);
            Span<byte> code = stackalloc byte[HMACSHA256.HashSizeInBytes];
            hash.GetHashAndReset(code);
            Base64Url.EncodeToChars(code[..SignatureBytes], signature);
        }

        public void Dispose() => hash.Dispose();
    }
}
