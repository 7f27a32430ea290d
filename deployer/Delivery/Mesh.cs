using Consul;
using Docker.DotNet;
using ServiceMesh.Docker;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The connections of one run of the deployer.</summary>
internal sealed class Mesh : IDisposable
{
    private static readonly TimeSpan DockerAnswers = TimeSpan.FromSeconds(10);

    // As many connections as the Consul client has: 'status' of a large mesh asks about thousands of services.
    // Without cookies: each synthetic request is another client's, and a proxy would else keep all of them on one side of a split.
    private readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 16, UseCookies = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly BlockingQuery blocking;
    private DockerClient? docker;

    public Mesh(DeliverySettings settings, TimeProvider time)
    {
        Settings = settings;
        Time = time;
        Consul = new ConsulClient(configuration => configuration.Address = settings.Consul ?? configuration.Address);
        blocking = new BlockingQuery(Microsoft.Extensions.Logging.Abstractions.NullLogger<BlockingQuery>.Instance, time);
        Store = new MeshStore(Consul, blocking);
        Locks = new LockStore(Consul, time);
        Catalog = new Catalog(Consul, blocking);
        Proxies = new ProxyFleet(Catalog, http, settings.ProxyService, time);
    }

    public DeliverySettings Settings { get; }

    public TimeProvider Time { get; }

    public IConsulClient Consul { get; }

    public MeshStore Store { get; }

    public LockStore Locks { get; }

    public Catalog Catalog { get; }

    public ProxyFleet Proxies { get; }

    /// <summary>Connects to the Docker host; throws <see cref="DockerUnreachableException"/> if it does not answer.</summary>
    public async Task<ContainerHost> DockerAsync(CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(DockerAnswers, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            docker ??= await DockerEngine.ConnectAsync(Settings.Docker, either.Token);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new DeliveryException(
                ExitCode.Unreachable,
                $"Docker at {Settings.Docker?.ToString() ?? "its usual address"} did not answer within {DockerAnswers.TotalSeconds:0} s. {Faults.DockerMend}",
                error);
        }
        catch (Exception error) when (error is NotSupportedException or SshDockerEndpointNotSupportedException
            or DockerConfigurationException or UriFormatException or ArgumentException)
        {
            throw new DeliveryException(
                ExitCode.WrongInput,
                $"Docker's address cannot be used: {error.Message} Give --docker or DOCKER_HOST one such as unix:///var/run/docker.sock or tcp://10.0.0.9:2376.",
                error);
        }

        return new ContainerHost(docker, Settings.Environment, Time);
    }

    public void Dispose()
    {
        docker?.Dispose();
        Consul.Dispose();
        http.Dispose();
    }
}
