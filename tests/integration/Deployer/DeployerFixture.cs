using System.Formats.Tar;
using System.Text;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using Microsoft.Extensions.Configuration;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Settings;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A Docker host with a Consul, an image registry with images of every temper, and a registry-sidecar.</summary>
public sealed class DeployerFixture : IAsyncLifetime
{
    // The registry's own image is a small server whose port 5000 answers GET / with 200: good enough to be delivered.
    private static readonly Dictionary<string, string> Dockerfiles = new()
    {
        ["app:v1"] = "ENV VERSION=v1",
        ["app:v2"] = "ENV VERSION=v2",
        ["app:v3"] = "ENV VERSION=v3",
        ["app:late1"] = Late,
        ["app:late2"] = Late,
        ["app:late3"] = Late,
        ["app:exits"] = """ENTRYPOINT ["sh", "-c", "echo no database; exit 7"]""",
        ["app:tells"] = """ENTRYPOINT ["sh", "-c", "echo my password is $DB_PASSWORD; exit 7"]""",
        ["app:whispers"] = """ENTRYPOINT ["sh", "-c", "echo my password is $DB_PASSWORD; exec registry serve /etc/docker/registry/config.yml"]""",
        ["app:silent"] = """ENTRYPOINT ["sh", "-c", "echo asleep; sleep 600"]""",
        ["moody:good"] = "ENV VERSION=good",
        ["moody:better"] = "ENV VERSION=better",
        ["moody:failing"] = "ENV VERSION=failing FAILURES=30",
        ["moody:slow"] = "ENV VERSION=slow DELAY_MS=1000",
        ["moody:unwell"] = """ENTRYPOINT ["sh", "-c", "ILLNESS=\"my password is $DB_PASSWORD\" exec dotnet /app/moody-service.dll"]""",
        ["moody:late"] = $"""ENTRYPOINT ["sh", "-c", "{Later} dotnet /app/moody-service.dll"]""",
        ["tests:pass"] = """ENTRYPOINT ["sh", "-c", "echo at $URL for $EXPECTED_VERSION; echo 3 passed, 0 failed"]""",
        ["tests:through"] = """ENTRYPOINT ["sh", "-c", "echo asks $URL $MESH_CANDIDATE_HOST $MESH_CANDIDATE; echo 1 passed, 0 failed"]""",
        ["tests:fail"] = """ENTRYPOINT ["sh", "-c", "echo 2 passed, 1 failed; exit 1"]""",
        ["tests:trusted"] = """ENTRYPOINT ["sh", "-c", "test -z \"$DB_PASSWORD\" && echo my token is $TOKEN && echo 1 passed, 0 failed"]""",
        ["tests:hang"] = """ENTRYPOINT ["sh", "-c", "echo hanging; sleep 600"]""",
        ["tests:noisy"] = """ENTRYPOINT ["sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' 'x'; echo; echo 1 passed, 0 failed"]""",
        ["tests:talkative"] = """ENTRYPOINT ["sh", "-c", "yes my token is $TOKEN | head -n 300000; echo 1 passed, 0 failed"]""",
        ["tests:killed"] = """ENTRYPOINT ["sh", "-c", "kill -9 $$; sh -c 'kill -9 $PPID'; exit 137"]""",
        ["tests:broken"] = """ENTRYPOINT ["/no/such/program"]""",
    };

    // It answers when a deadline of milliseconds is over, and Consul was asked for the last time.
    private const string Later = "trap 'exit 0' TERM; sleep 5 & wait; exec";
    private const string Late = $"""ENTRYPOINT ["sh", "-c", "{Later} registry serve /etc/docker/registry/config.yml"]""";

    // Whoever watches its settings' files by inotify holds one of the 128 instances that a user of the host may have.
    private const string Moody = """
        FROM mcr.microsoft.com/dotnet/aspnet:10.0
        COPY . /app
        EXPOSE 5000
        ENV DOTNET_USE_POLLING_FILE_WATCHER=true
        ENTRYPOINT ["dotnet", "/app/moody-service.dll"]
        """;

    private readonly AsyncDisposables started = new();

    // Otherwise what a check says that was critical before, too, is passed on to the catalog after minutes only.
    private readonly ConsulContainer consul = TestConsul.Builder().WithCommand("-hcl", "check_update_interval = \"0s\"").Build();

    private readonly IContainer registry = new ContainerBuilder("registry:2")
        .WithPortBinding(5000, assignRandomHostPort: true)
        .WithLabel("SERVICE_IGNORE", "true")
        .WithLabel(TestConsul.Label, "true")
        .WithWaitStrategy(Wait.ForUnixContainer().UntilHttpRequestIsSucceeded(request => request.ForPath("/v2/").ForPort(5000)))
        .Build();

    /// <summary>What tells this run's containers from all others on the Docker host.</summary>
    public string Environment { get; } = ConsulFixture.Unique("deployer");

    public DockerClient Docker { get; private set; } = null!;

    public ConsulClient Consul { get; private set; } = null!;

    public Uri ConsulAddress => new(consul.GetBaseAddress());

    public string Registry => $"localhost:{registry.GetMappedPublicPort(5000)}";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        var ct = TestContext.Current.CancellationToken;
        Docker = await DockerEngine.ConnectAsync(null, ct);
        started.Add(Docker.Dispose);
        started.Add(registry);
        started.Add(consul);
        await Task.WhenAll(consul.StartAsync(ct), registry.StartAsync(ct));
        Consul = ConsulFixture.ClientOf(ConsulAddress);
        started.Add(Consul.Dispose);
        var node = await Consul.Agent.GetNodeName(ct);
        await ConsulFixture.Until((q, token) => Consul.Health.Node(node, q, token), checks => checks.Any(check => check.CheckID == "serfHealth"));
        foreach (var (name, line) in Dockerfiles)
        {
            var program = name.StartsWith("moody:", StringComparison.Ordinal);
            // The label goes from the image to each container, whoever starts it.
            await BuildAndPushAsync(name, $"{(program ? Moody : "FROM registry:2")}\nLABEL {TestConsul.Label}=true\n{line}\n", program ? MoodyFiles() : [], ct);
            started.Add(() => Docker.Images.DeleteImageAsync($"{Registry}/{name}", new ImageDeleteParameters { Force = true }));
        }

        var quiet = new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Warning" };
        var sidecar = SidecarHost.Build(
            new SidecarOptions { Environment = Environment, ConsulAddress = ConsulAddress, Ip = await GatewayAsync(ct) },
            new ConfigurationBuilder().AddInMemoryCollection(quiet).Build());
        started.Add(sidecar.Dispose);
        await sidecar.StartAsync(ct);
        started.Add(() => sidecar.StopAsync());
        started.Add(() => RemoveAsync(service: null));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    /// <summary>Every container of this run, running or not; of one service if it is named.</summary>
    public async Task<IList<ContainerListResponse>> ContainersAsync(string? service)
    {
        var labels = new Dictionary<string, bool> { [$"mesh.environment={Environment}"] = true };
        if (service is not null)
            labels[$"mesh.service={service}"] = true;
        return await Docker.Containers.ListContainersAsync(
            new ContainersListParameters { All = true, Filters = new Dictionary<string, IDictionary<string, bool>> { ["label"] = labels } });
    }

    /// <summary>Removes every container of a service, or of this run if none is named.</summary>
    public async Task RemoveAsync(string? service) => await Docker.RemoveAsync(await ContainersAsync(service));

    /// <summary>Registers a proxy under a name of the test's own.</summary>
    /// <returns>Disposed of, it is no longer registered.</returns>
    internal async Task<IAsyncDisposable> RegisterProxyAsync(string service, int port, string? id = null)
    {
        var proxy = new AgentServiceRegistration { ID = id ?? service, Name = service, Address = "127.0.0.1", Port = port };
        await Consul.Agent.ServiceRegister(proxy, TestContext.Current.CancellationToken);
        var registered = new AsyncDisposables();
        registered.Add(() => Consul.Agent.ServiceDeregister(proxy.ID, CancellationToken.None));
        return registered;
    }

    /// <summary>Starts a container as a person would with <c>docker run</c>.</summary>
    public async Task<string> RunAsync(string image, Dictionary<string, string> labels, CancellationToken ct)
    {
        labels.TryAdd("mesh.environment", Environment);
        var container = await Docker.Containers.CreateContainerAsync(
            new CreateContainerParameters
            {
                Image = $"{Registry}/{image}",
                Labels = labels,
                HostConfig = new HostConfig
                {
                    PortBindings = new Dictionary<string, IList<PortBinding>> { ["5000/tcp"] = [new PortBinding { HostIP = "0.0.0.0", HostPort = "" }] },
                },
            },
            ct);
        await Docker.Containers.StartContainerAsync(container.ID, null, ct);
        return container.ID;
    }

    /// <summary>The address under which containers reach the host's published ports.</summary>
    public async Task<string> GatewayAsync(CancellationToken ct) =>
        (await Docker.Containers.InspectContainerAsync(consul.Id, ct)).NetworkSettings!.Networks["bridge"].Gateway;

    private async Task BuildAndPushAsync(string name, string dockerfile, IEnumerable<string> files, CancellationToken ct)
    {
        using var context = new MemoryStream();
        await using (var tar = new TarWriter(context, leaveOpen: true))
        {
            await tar.WriteEntryAsync(
                new PaxTarEntry(TarEntryType.RegularFile, "Dockerfile") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(dockerfile)) }, ct);
            foreach (var file in files)
                await tar.WriteEntryAsync(file, Path.GetFileName(file), ct);
        }

        context.Position = 0;
        var told = new Told();
        await Docker.Images.BuildImageFromDockerfileAsync(
            new ImageBuildParameters { Tags = [$"{Registry}/{name}"] }, context, null, null, told, ct);
        var (repository, tag) = (name.Split(':')[0], name.Split(':')[1]);
        await Docker.Images.PushImageAsync($"{Registry}/{repository}", new ImagePushParameters { Tag = tag }, new AuthConfig(), told, ct);
    }

    // Built beside this project, in the same configuration.
    private static IEnumerable<string> MoodyFiles()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var tests = own.Parent!.Parent!.Parent!.Parent!;
        var built = Path.Combine(tests.FullName, "moody-service", "bin", own.Parent.Name, own.Name);
        return Directory.GetFiles(built, "moody-service.*").Where(file => Path.GetExtension(file) is ".dll" or ".json");
    }

    private sealed class Told : IProgress<JSONMessage>
    {
        public void Report(JSONMessage value)
        {
            if (value.Error is { } error)
                throw new InvalidOperationException(error.Message);
        }
    }
}

[CollectionDefinition(Name)]
public sealed class DeployerCollection : ICollectionFixture<DeployerFixture>
{
    public const string Name = "deployer";
}

/// <summary>
/// The deployer with a second Docker Engine, and in processes that are killed or cut off: they take their time to start and to
/// die, so the other tests go on beside them.
/// </summary>
[CollectionDefinition(Name)]
public sealed class DeployerFaultsCollection : ICollectionFixture<DeployerFixture>
{
    public const string Name = "deployer's faults";
}
