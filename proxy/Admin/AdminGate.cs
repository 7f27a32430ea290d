using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace ServiceMesh.Proxy.Admin;

/// <summary>Lets in whoever brings the token, or everybody where none is set: then only this host can come.</summary>
internal sealed class AdminGate(IOptions<AdminOptions> options)
{
    private const string Scheme = "Bearer ";

    private readonly byte[]? expected = options.Value.Token() is { } token ? Digest(token) : null;

    public bool IsOpenFor(HttpRequest request) =>
        expected is null
        || (request.Headers.Authorization.ToString() is { } given
            && given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(Digest(given[Scheme.Length..].Trim()), expected));

    // Digests are of one length: neither the token's content nor its length shows in the time that comparing takes.
    private static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
