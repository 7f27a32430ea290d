using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ServiceMesh.Tests.Integration.ConsulApi;

/// <summary>An authority of the test's own with a server's and a client's certificate, as PEM files.</summary>
internal sealed class CertificateFiles : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mesh-tls-");
    private readonly DateTimeOffset now = TimeProvider.System.GetUtcNow();

    public CertificateFiles()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Authority, authority.ExportCertificatePem());
        Issue(authority, "CN=server.dc1.consul", Server, ServerKey);
        Issue(authority, "CN=client", Client, ClientKey);
    }

    public string Authority => In("ca.pem");

    public string Server => In("server.pem");

    public string ServerKey => In("server-key.pem");

    public string Client => In("cert.pem");

    public string ClientKey => In("key.pem");

    /// <summary>The folder of all, with a client's files by the names that Docker's own tools want.</summary>
    public string Folder => folder.FullName;

    public void Dispose() => folder.Delete(recursive: true);

    private string In(string name) => Path.Combine(folder.FullName, name);

    private void Issue(X509Certificate2 authority, string subject, string certificateFile, string keyFile)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(
            authority, now.AddHours(-1), now.AddHours(12), RandomNumberGenerator.GetBytes(16));
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }
}
