namespace Consul;

/// <inheritdoc cref="IConsulClient" />
public sealed class ConsulClient : IConsulClient
{
    private readonly ConsulTransport transport;

    /// <summary>Creates a client from the environment variables alone.</summary>
    /// <exception cref="ConsulConfigurationException">A setting cannot be used; the message names it.</exception>
    public ConsulClient()
        : this(_ => { })
    {
    }

    /// <summary>Creates a client from the environment variables and what is set on top of them.</summary>
    /// <param name="configOverride">Changes the configuration before it is used.</param>
    /// <exception cref="ConsulConfigurationException">A setting cannot be used; the message names it.</exception>
    public ConsulClient(Action<ConsulClientConfiguration>? configOverride)
    {
        Config = new ConsulClientConfiguration();
        configOverride?.Invoke(Config);
        transport = new ConsulTransport(Config);
        KV = new KV(transport);
        Agent = new Agent(transport);
        Health = new Health(transport);
        Catalog = new Catalog(transport);
        Session = new Session(transport);
        Status = new Status(transport);
    }

    /// <summary>The configuration in use. A change after the client was made has no effect.</summary>
    public ConsulClientConfiguration Config { get; }

    /// <inheritdoc />
    public IKVEndpoint KV { get; }

    /// <inheritdoc />
    public IAgentEndpoint Agent { get; }

    /// <inheritdoc />
    public IHealthEndpoint Health { get; }

    /// <inheritdoc />
    public ICatalogEndpoint Catalog { get; }

    /// <inheritdoc />
    public ISessionEndpoint Session { get; }

    /// <inheritdoc />
    public IStatusEndpoint Status { get; }

    /// <summary>Closes all connections; calls under way fail.</summary>
    public void Dispose() => transport.Dispose();
}
