using Consul;
using Docker.DotNet;
using ServiceMesh.Deployer.Hosts;
using ServiceMesh.Docker;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The connections of one run of the deployer.</summary>
internal sealed class Mesh : IDisposable
{
    private static readonly TimeSpan DockerAnswers = TimeSpan.FromSeconds(10);

    // As many connections as the Consul client has: 'status' of a large mesh asks about thousands of services. A redirect leads away
    // from the proxy that is asked.
    private readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 16, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly BlockingQuery blocking;
    private readonly Lazy<RegistryCredentials> credentials;
    private readonly Dictionary<DockerHost, Task<DockerClient>> engines = [];

    public Mesh(DeliverySettings settings, TimeProvider time)
    {
        Settings = settings;
        Time = time;
        credentials = new(() => RegistryCredentials.OfThisUser(time));
        var consul = new ConsulClient(configuration => configuration.Address = settings.Consul ?? configuration.Address);
        (Consul, ConsulAddress) = (consul, consul.Config.Address.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped));
        blocking = new BlockingQuery(Microsoft.Extensions.Logging.Abstractions.NullLogger<BlockingQuery>.Instance, time);
        Store = new MeshStore(Consul, blocking);
        Locks = new LockStore(Consul, time);
        Catalog = new Catalog(Consul, blocking);
        Proxies = new ProxyFleet(Catalog, http, settings.ProxyService, time);
    }

    public DeliverySettings Settings { get; }

    public TimeProvider Time { get; }

    public IConsulClient Consul { get; }

    /// <summary>Where Consul is, as it may be told: without a password that CONSUL_HTTP_ADDR may hold, which nobody uses.</summary>
    public string ConsulAddress { get; }

    public MeshStore Store { get; }

    public LockStore Locks { get; }

    public Catalog Catalog { get; }

    public ProxyFleet Proxies { get; }

    /// <summary>Hears what a person should know; the same sentence may come again.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>What is told of no container's output.</summary>
    public SecretValues Secrets { get; set; } = SecretValues.None;

    /// <summary>Connects to all Docker hosts; those that <paramref name="wanted"/> names get new containers, all where it names none.</summary>
    /// <exception cref="DeliveryException">
    /// One of those does not answer, and nobody allowed to go on without it; or none answers. A host that is not wanted is only told of.
    /// </exception>
    public async Task<ContainerHosts> HostsAsync(IReadOnlyList<string> wanted, CancellationToken ct)
    {
        var chosen = Placement.Choose(Settings.Hosts.Production, wanted);
        var tried = await Task.WhenAll(Settings.Hosts.Production.Select(host => TryAsync(host, ct)));
        var away = tried.Where(host => host.Fault is not null).ToArray();
        if (away.FirstOrDefault(host => !Settings.AllowDegraded && chosen.Contains(host.Wanted)) is { Fault: { } fault } first)
        {
            throw Settings.Hosts.Production.Count == 1
                ? fault
                : new DeliveryException(
                    fault.Code, $"host {first.Wanted.Name} is away, and nothing was changed: {fault.Message} To go on without it, give --allow-degraded.", fault);
        }

        foreach (var (host, _, why) in away)
            Warn($"going on without host {host.Name}: {why!.Message}");
        ContainerHost[] reached = [.. tried.Select(host => host.Reached).OfType<ContainerHost>()];
        if (reached.GroupBy(host => host.Engine).FirstOrDefault(one => one.Count() > 1) is { } twins)
        {
            throw new DeliveryException(
                ExitCode.WrongInput,
                $"hosts {string.Join(" and ", twins.Select(host => host.Name))} are one Docker Engine ({twins.Key.Id} on {twins.Key.Machine}), whose containers would count twice, and nothing was changed: "
                + "name it once in the file of hosts. If one is a copy of the other machine, give it a host name of its own.");
        }

        ContainerHost[] usable = [.. reached.Where(host => chosen.Any(one => one.Name == host.Name))];
        return usable.Length > 0
            ? new ContainerHosts(reached, usable, Time)
            : throw new DeliveryException(ExitCode.Unreachable, $"none of the hosts answers: {string.Join(", ", chosen.Select(host => host.Name))}. The warnings tell why: mend that, then run this again.");
    }

    /// <summary>Connects to the host that tests run on.</summary>
    public Task<ContainerHost> TestsHostAsync(CancellationToken ct) => ConnectAsync(Settings.Hosts.Tests, ct);

    public void Dispose()
    {
        foreach (var engine in engines.Values.Where(engine => engine.IsCompletedSuccessfully))
            engine.Result.Dispose();
        Consul.Dispose();
        http.Dispose();
    }

    private async Task<(DockerHost Wanted, ContainerHost? Reached, DeliveryException? Fault)> TryAsync(DockerHost host, CancellationToken ct)
    {
        try
        {
            return (host, await ConnectAsync(host, ct), null);
        }
        // Wrong input is nobody's outage: it is told whatever may be left out.
        catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is { Code: not ExitCode.WrongInput } fault)
        {
            return (host, null, fault);
        }
    }

    private async Task<ContainerHost> ConnectAsync(DockerHost host, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(DockerAnswers, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            if (IsOpen(host) && !Settings.Insecure)
            {
                throw new DeliveryException(
                    ExitCode.WrongInput,
                    $"Docker at {DockerEngine.Shown(Address(host))} would be reached without TLS, as by anybody else. Give its certificates (DOCKER_TLS_VERIFY=1 and "
                    + "DOCKER_CERT_PATH, or 'certificates' in the file of hosts), use ssh://…, or give --insecure if you trust the network.");
            }

            Task<DockerClient>? engine;
            lock (engines)
            {
                // Asked for again, a host is not connected to again.
                if (!engines.TryGetValue(host, out engine) || engine.IsFaulted || engine.IsCanceled)
                    engine = engines[host] = DockerEngine.ConnectAsync(host.Address, CertificatesOf(host), either.Token);
            }

            var connected = await engine;
            if (IsOpen(host))
                Warn($"Docker at {DockerEngine.Shown(Address(host))} is reached without TLS: whoever is in between owns that host");
            return new ContainerHost(host, connected, credentials.Value, () => Secrets, Settings.Environment, Time)
            {
                IsOneOfSeveral = Settings.Hosts.Production.Append(Settings.Hosts.Tests).Distinct().Skip(1).Any(),
                // One alone is compared with none, and Docker takes its time for it.
                Engine = Settings.Hosts.Production is { Count: > 1 } all && all.Contains(host) && await connected.System.GetSystemInfoAsync(either.Token) is { } told ? (told.ID, told.Name, told.DockerRootDir) : default,
            };
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new DeliveryException(
                ExitCode.Unreachable,
                $"Docker at {DockerEngine.Shown(Address(host))} did not answer within {DockerAnswers.TotalSeconds:0} s. {Faults.DockerMend}",
                error);
        }
        catch (Exception error) when (error is NotSupportedException or SshDockerEndpointNotSupportedException or DockerConfigurationException
            or DockerCertificatesException or UriFormatException or ArgumentException)
        {
            throw new DeliveryException(
                ExitCode.WrongInput, $"Docker's address cannot be used: {error.Message} Give --docker or DOCKER_HOST one such as {HostAddress.Forms}.", error);
        }
    }

    private static DockerCertificates? CertificatesOf(DockerHost host) =>
        host.Certificates is null ? DockerCertificates.FromEnvironment() : new DockerCertificates(host.Certificates);

    private static Uri Address(DockerHost host) => host.Address ?? DockerEngine.DefaultEndpoint;

    private static bool IsOpen(DockerHost host) =>
        HostAddress.IsOpen(Address(host)) && host.Certificates is null
        && Environment.GetEnvironmentVariable("DOCKER_TLS_VERIFY") is not { Length: > 0 };
}
