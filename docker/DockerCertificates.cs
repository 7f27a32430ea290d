using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Docker.DotNet.Handler.Abstractions;

namespace ServiceMesh.Docker;

/// <summary>
/// What it takes to speak to an Engine by mutual TLS: a folder with <c>ca.pem</c>, <c>cert.pem</c> and <c>key.pem</c>, as the
/// docker command wants it (https://docs.docker.com/engine/security/protect-access/).
/// </summary>
public sealed class DockerCertificates : IAuthProvider
{
    private readonly X509Certificate2Collection authorities = [];
    private readonly SslStreamCertificateContext own;

    /// <summary>Reads the folder.</summary>
    /// <exception cref="DockerCertificatesException">One of the files is missing or no PEM.</exception>
    public DockerCertificates(string folder)
    {
        var (authority, certificate, key) = (Path.Combine(folder, "ca.pem"), Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem"));
        Load(authority, () => authorities.ImportFromPemFile(authority));
        X509Certificate2? loaded = null;
        X509Certificate2Collection chain = [];
        Load(certificate, () => chain.ImportFromPemFile(certificate));
        Load(key, () => loaded = X509Certificate2.CreateFromPemFile(certificate, key));
        own = SslStreamCertificateContext.Create(loaded!, chain, offline: true);
    }

    /// <summary>
    /// Where <c>DOCKER_TLS_VERIFY</c> is set, what <c>DOCKER_CERT_PATH</c> names, or the folder <c>.docker</c> of the user's home.
    /// </summary>
    /// <exception cref="DockerCertificatesException">It is set, but they cannot be read.</exception>
    public static DockerCertificates? FromEnvironment()
    {
        if (Environment.GetEnvironmentVariable("DOCKER_TLS_VERIFY") is not { Length: > 0 })
            return null;
        return new DockerCertificates(Environment.GetEnvironmentVariable("DOCKER_CERT_PATH") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker"));
    }

    /// <inheritdoc/>
    public bool TlsEnabled => true;

    /// <inheritdoc/>
    public HttpMessageHandler ConfigureHandler(HttpMessageHandler handler)
    {
        ((SocketsHttpHandler)handler).SslOptions = Options();
        return handler;
    }

    private SslClientAuthenticationOptions Options()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy, ClientCertificateContext = own };
    }

    private static void Load(string file, Action load)
    {
        try
        {
            load();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new DockerCertificatesException(file, error);
        }
    }
}

/// <summary>A file of a Docker client's certificates cannot be used.</summary>
public sealed class DockerCertificatesException(string file, Exception inner)
    : Exception($"{file} cannot be used for TLS with Docker: {inner.Message}", inner);
