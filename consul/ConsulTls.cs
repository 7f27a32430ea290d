using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Consul;

/// <summary>TLS from PEM files: a private authority, and a certificate of the client's own.</summary>
internal static class ConsulTls
{
    public static SslClientAuthenticationOptions Options(ConsulClientConfiguration config)
    {
        var options = new SslClientAuthenticationOptions();
        if (!string.IsNullOrEmpty(config.CACertificateFile))
            options.CertificateChainPolicy = Trusting(config.CACertificateFile);
        if (!string.IsNullOrEmpty(config.ClientCertificateFile))
            options.ClientCertificateContext = Certificate(config.ClientCertificateFile, config.ClientKeyFile);
        else if (!string.IsNullOrEmpty(config.ClientKeyFile))
            throw new ConsulConfigurationException($"a client key ({config.ClientKeyFile}) needs its certificate");
        if (!config.VerifyServerCertificate)
            options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return options;
    }

    private static X509ChainPolicy Trusting(string file)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        Load(file, () => policy.CustomTrustStore.ImportFromPemFile(file));
        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new ConsulConfigurationException($"{file} holds no certificate in PEM form");
    }

    private static SslStreamCertificateContext Certificate(string certificateFile, string? keyFile)
    {
        X509Certificate2? certificate = null;
        X509Certificate2Collection chain = [];
        Load(certificateFile, () =>
        {
            certificate = X509Certificate2.CreateFromPemFile(
                certificateFile, string.IsNullOrEmpty(keyFile) ? null : keyFile);
            chain.ImportFromPemFile(certificateFile);
        });
        return SslStreamCertificateContext.Create(certificate!, chain, offline: true);
    }

    private static void Load(string file, Action load)
    {
        try
        {
            load();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConsulConfigurationException($"{file} cannot be used for TLS: {e.Message}", e);
        }
    }
}
