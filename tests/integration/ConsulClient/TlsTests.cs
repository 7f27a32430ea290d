using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.ConsulApi;

public sealed class TlsTests(TlsConsulFixture consul) : IClassFixture<TlsConsulFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Leader_PrivateAuthorityAndClientCertificate_Answers()
    {
        using var client = Client(config => config.CACertificateFile = consul.Files.Authority);

        Assert.NotEmpty(await client.Status.Leader(Ct));
    }

    // Over TLS all calls share one connection.
    [Fact]
    public async Task Leader_AfterTheAgentsHostVanished_IsAskedOverANewConnection()
    {
        await using var relay = TcpRelay.Start(consul.Address.Port);
        using var client = Client(config =>
        {
            config.Address = new Uri($"https://localhost:{relay.Port}");
            config.CACertificateFile = consul.Files.Authority;
            config.RequestTimeout = TimeSpan.FromSeconds(1);
        });
        Assert.NotEmpty(await client.Status.Leader(Ct));

        relay.Vanish();

        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    return (await client.Status.Leader(Ct)).Length > 0;
                }
                catch (ConsulRequestException)
                {
                    return false;
                }
            },
            deadline: TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Leader_UnknownAuthority_IsUnreachableWithTheReason()
    {
        using var client = Client(_ => { });

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => client.Status.Leader(Ct));

        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
        Assert.Contains("certificate", failure.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(consul.Address.Authority, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leader_VerificationOff_Answers()
    {
        using var client = Client(config => config.VerifyServerCertificate = false);

        Assert.NotEmpty(await client.Status.Leader(Ct));
    }

    [Fact]
    public async Task Leader_NoClientCertificate_IsUnreachable()
    {
        using var client = new Consul.ConsulClient(config =>
        {
            config.Address = consul.Address;
            config.CACertificateFile = consul.Files.Authority;
        });

        var failure = await Assert.ThrowsAsync<ConsulRequestException>(() => client.Status.Leader(Ct));

        Assert.Equal(ConsulFault.Unreachable, failure.Fault);
    }

    [Fact]
    public void Client_FileThatIsNoCertificate_IsSaidAtOnce()
    {
        var failure = Assert.Throws<ConsulConfigurationException>(
            () => Client(config => config.CACertificateFile = consul.Files.ServerKey));

        Assert.Contains(consul.Files.ServerKey, failure.Message, StringComparison.Ordinal);
    }

    private Consul.ConsulClient Client(Action<ConsulClientConfiguration> more) => new(config =>
    {
        config.Address = consul.Address;
        config.ClientCertificateFile = consul.Files.Client;
        config.ClientKeyFile = consul.Files.ClientKey;
        more(config);
    });
}
