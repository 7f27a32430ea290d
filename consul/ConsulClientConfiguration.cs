namespace Consul;

/// <summary>
/// Where Consul is and how to talk to it. Starts from the environment variables that Consul's own tools read.
/// </summary>
public class ConsulClientConfiguration
{
    /// <summary>
    /// Reads <c>CONSUL_HTTP_ADDR</c>, <c>CONSUL_HTTP_SSL</c>, <c>CONSUL_HTTP_SSL_VERIFY</c>, <c>CONSUL_HTTP_TOKEN</c>,
    /// <c>CONSUL_HTTP_TOKEN_FILE</c> (which wins), <c>CONSUL_CACERT</c>, <c>CONSUL_CLIENT_CERT</c> and
    /// <c>CONSUL_CLIENT_KEY</c>.
    /// </summary>
    /// <exception cref="ConsulConfigurationException">A variable cannot be used; the message names it.</exception>
    public ConsulClientConfiguration()
        : this(Environment.GetEnvironmentVariable)
    {
    }

    internal ConsulClientConfiguration(Func<string, string?> variable) => ConsulEnvironment.Apply(this, variable);

    /// <summary>
    /// The agent's address, <c>http://127.0.0.1:8500</c> by default; http or https, with a path before <c>/v1</c>
    /// if need be.
    /// </summary>
    public Uri Address { get; set; } = new("http://127.0.0.1:8500");

    /// <summary>The ACL token of every call that is not given its own; null for the agent's default token.</summary>
    public string? Token { get; set; }

    /// <summary>The datacenter of every call that is not given its own; null for the agent's.</summary>
    public string? Datacenter { get; set; }

    /// <summary>How long a blocking query waits that is not given its own time; null for Consul's 5 minutes.</summary>
    public TimeSpan? WaitTime { get; set; }

    /// <summary>
    /// How long a call may take, 10 s by default; a blocking query has its wait time and a sixteenth of it on top.
    /// </summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The largest answer that is read, in bytes; 256 MiB by default.</summary>
    public long MaxResponseBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// A PEM file with the only authorities whose server certificates are trusted; null for the system's.
    /// </summary>
    public string? CACertificateFile { get; set; }

    /// <summary>A PEM file with the client's certificate, intermediates after it; null for none.</summary>
    public string? ClientCertificateFile { get; set; }

    /// <summary>
    /// A PEM file with the client certificate's private key; null if it is in the certificate's file.
    /// </summary>
    public string? ClientKeyFile { get; set; }

    /// <summary>Whether the server's certificate is verified; true by default, and false is for tests only.</summary>
    public bool VerifyServerCertificate { get; set; } = true;
}
