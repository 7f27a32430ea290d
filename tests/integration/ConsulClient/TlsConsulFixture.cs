using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

/// <summary>A Consul with HTTPS by a private authority, which asks for a client's certificate.</summary>
public sealed class TlsConsulFixture : IAsyncLifetime
{
    private const int HttpsPort = 8501;
    private const string Folder = "/tmp/tls/";
    private readonly AsyncDisposables started = new();
    private readonly ConsulContainer container;

    public TlsConsulFixture() => container = TestConsul.Builder()
        .WithPortBinding(HttpsPort, assignRandomHostPort: true)
        .WithResourceMapping(File.ReadAllBytes(Files.Authority), $"{Folder}ca.pem")
        .WithResourceMapping(File.ReadAllBytes(Files.Server), $"{Folder}server.pem")
        .WithResourceMapping(File.ReadAllBytes(Files.ServerKey), $"{Folder}server-key.pem")
        .WithCommand(
            "-hcl",
            $$"""
            ports { https = {{HttpsPort}} }
            ca_file = "{{Folder}}ca.pem"
            cert_file = "{{Folder}}server.pem"
            key_file = "{{Folder}}server-key.pem"
            verify_incoming_https = true
            """)
        .Build();

    internal CertificateFiles Files { get; } = new();

    public Uri Address => new($"https://localhost:{container.GetMappedPublicPort(HttpsPort)}");

    public ValueTask InitializeAsync() => started.StartAsync(() =>
    {
        started.Add(Files.Dispose);
        started.Add(container);
        return container.StartAsync(TestContext.Current.CancellationToken);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();
}
