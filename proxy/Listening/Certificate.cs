using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ServiceMesh.Proxy.Listening;

/// <summary>A certificate with its key and chain, ready for handshakes.</summary>
internal sealed class Certificate
{
    private Certificate(X509Certificate2 leaf, X509Certificate2Collection chain)
    {
        Leaf = leaf;
        Names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames()).ToArray();
        // One object for all handshakes: TLS sessions can be resumed only within one. What is missing of the chain is not
        // fetched from the network.
        Handshake = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
    }

    public X509Certificate2 Leaf { get; }

    /// <summary>The DNS names that it is for, wildcards (<c>*.example.org</c>) among them.</summary>
    public IReadOnlyList<string> Names { get; }

    public SslServerAuthenticationOptions Handshake { get; }

    /// <param name="crt">PEM: the certificate first, then those that lead to its root.</param>
    /// <param name="key">PEM: its private key, not encrypted.</param>
    /// <exception cref="CryptographicException">One of them cannot be read or used here, or they do not belong together.</exception>
    public static Certificate Parse(string crt, string key)
    {
        try
        {
            var leaf = X509Certificate2.CreateFromPem(crt, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(crt);
            return new Certificate(leaf, chain);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            // .NET's words for a key that is another certificate's, and for an algorithm that this machine's OpenSSL lacks.
            throw new CryptographicException(error.Message, error);
        }
    }
}
