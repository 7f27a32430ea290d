using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ServiceMesh.Tests.Proxy.Listening;

/// <summary>A folder of self-signed certificates.</summary>
internal sealed class PemFiles : IDisposable
{
    // The thumbprints of all that were written here.
    private readonly HashSet<string> written = new(StringComparer.Ordinal);

    private static readonly DateTimeOffset Start = TimeProvider.System.GetUtcNow().AddDays(-1);

    public string Folder { get; } = Directory.CreateTempSubdirectory("mesh-certificates-").FullName;

    /// <summary>Writes <c>name.crt</c> and <c>name.key</c>.</summary>
    /// <returns>The certificate's thumbprint.</returns>
    public string Write(string name, IEnumerable<string> dnsNames, int startsAfterDays = 0, int days = 10)
    {
        var (crt, key, thumbprint) = Create(dnsNames, startsAfterDays, days);
        File.WriteAllText(Path(name, "crt"), crt);
        File.WriteAllText(Path(name, "key"), key);
        written.Add(thumbprint);
        return thumbprint;
    }

    /// <summary>Writes an RSA certificate with the one between it and its root.</summary>
    /// <returns>The root, which alone need be known to a client.</returns>
    public X509Certificate2 WriteChain(string name, string dnsName)
    {
        using RSA rootKey = RSA.Create(2048), middleKey = RSA.Create(2048), leafKey = RSA.Create(2048);
        var root = Request("root", rootKey, isAuthority: true).CreateSelfSigned(Start, Start.AddDays(10));
        using var middle = Request("middle", middleKey, isAuthority: true).Create(root, Start, Start.AddDays(9), [1]).CopyWithPrivateKey(middleKey);
        var request = Request("leaf", leafKey, isAuthority: false);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(dnsName);
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(middle, Start, Start.AddDays(8), [2]);
        File.WriteAllText(Path(name, "crt"), $"{leaf.ExportCertificatePem()}\n{middle.ExportCertificatePem()}\n");
        File.WriteAllText(Path(name, "key"), leafKey.ExportRSAPrivateKeyPem());
        return root;
    }

    /// <summary>A client that trusts these and no others. A connection that is idle for long it leaves before a proxy that stops does.</summary>
    public HttpClient TrustingClient() => new(TrustingHandler());

    /// <inheritdoc cref="TrustingClient" />
    public SocketsHttpHandler TrustingHandler() =>
        new() { SslOptions = { RemoteCertificateValidationCallback = Trust }, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) };

    public bool Trust(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        written.Contains(certificate!.GetCertHashString());

    public string Path(string name, string ending) => System.IO.Path.Combine(Folder, $"{name}.{ending}");

    public static (string Crt, string Key, string Thumbprint) Create(IEnumerable<string> dnsNames, int startsAfterDays = 0, int days = 10)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in dnsNames)
            names.AddDnsName(name);
        var request = new CertificateRequest("CN=mesh test", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(Start.AddDays(startsAfterDays), Start.AddDays(startsAfterDays + days));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), certificate.Thumbprint);
    }

    private static CertificateRequest Request(string name, RSA key, bool isAuthority)
    {
        var request = new CertificateRequest($"CN=mesh test {name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, hasPathLengthConstraint: false, 0, critical: true));
        return request;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
