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

    /// <summary>A client that trusts these and no others.</summary>
    public HttpClient TrustingClient() => new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = Trust } });

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

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
