using System.Text;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>A mesh of one test: its name, its sidecar, and its containers, which are gone at its end.</summary>
internal sealed class SidecarMesh(SidecarConsul parts) : IAsyncDisposable
{
    private const string Port = "8500/tcp";

    private readonly List<IHost> sidecars = [];
    private readonly string suffix = Guid.NewGuid().ToString("N")[..12];

    private static IConfiguration Quiet { get; } = new ConfigurationBuilder()
        .AddInMemoryCollection(new Dictionary<string, string?> { ["Logging:LogLevel:Default"] = "Warning" })
        .Build();

    public string Environment => $"mesh-{suffix}";

    public string Node => $"node-{suffix}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DockerClient Docker => parts.Docker;

    private ConsulClient Consul => parts.Client;

    /// <summary>A document with one active release and some that were it before, the latest first, by their deployment ids.</summary>
    public static ServiceDocument Document(string service, string active, params string[] retired)
    {
        var document = ServiceDocument.Create(service, [new Route(null, "/" + service, StripPath: true)]);
        foreach (var deployment in retired.Reverse().Append(active))
            document = document.Promote(new Release(deployment, "v", "image@sha256:1", DateTimeOffset.UnixEpoch));
        return document;
    }

    /// <summary>A name that only this test uses.</summary>
    public string Named(string name) => $"{name}-{suffix}";

    /// <summary>A registration with this node's marks, of a container that there is not.</summary>
    public AgentServiceRegistration Stale(string id, string service) => new()
    {
        ID = id,
        Name = service,
        Port = 1,
        Meta = new Dictionary<string, string>
        {
            [InstanceMeta.Owner] = Node,
            [InstanceMeta.Environment] = Environment,
            [InstanceMeta.Container] = new string('0', 64),
        },
    };

    public async Task<IHost> StartSidecarAsync(Func<SidecarOptions, SidecarOptions>? change = null, LogLines? lines = null)
    {
        var options = new SidecarOptions
        {
            ConsulAddress = parts.Address,
            DockerHost = DockerEngine.DefaultEndpoint,
            Ip = parts.HostAddress,
            Node = Node,
            Environment = Environment,
            CleanupGrace = TimeSpan.Zero,
            Resync = TimeSpan.FromHours(1),
        };
        var sidecar = SidecarHost.Build(change?.Invoke(options) ?? options, Quiet);
        sidecars.Add(sidecar);
        lines?.Hear(sidecar);
        await sidecar.StartAsync(Ct);
        return sidecar;
    }

    public async Task StopSidecarAsync(IHost sidecar)
    {
        sidecars.Remove(sidecar);
        await sidecar.StopAsync(Ct);
        sidecar.Dispose();
    }

    /// <summary>Starts a container that publishes one port on a port of Docker's choice.</summary>
    /// <param name="name">The container's name before it is made unique.</param>
    /// <param name="env">Its environment.</param>
    /// <param name="labels">Labels beside that of the mesh.</param>
    /// <param name="answers">Whether something listens on the port.</param>
    /// <param name="autoRemove">Whether Docker removes it when it ends.</param>
    /// <param name="change">What else is to be different.</param>
    public async Task<string> RunAsync(
        string name,
        string[]? env = null,
        Dictionary<string, string>? labels = null,
        bool answers = false,
        bool autoRemove = false,
        Action<CreateContainerParameters>? change = null)
    {
        var parameters = new CreateContainerParameters
        {
            Name = Named(name),
            Image = ConsulBuilder.ConsulImage,
            Env = env ?? [],
            Labels = new Dictionary<string, string>(labels ?? []) { [TestConsul.Label] = Environment },
            ExposedPorts = new Dictionary<string, EmptyStruct> { [Port] = default },
            HostConfig = new HostConfig
            {
                AutoRemove = autoRemove,
                PortBindings = new Dictionary<string, IList<PortBinding>> { [Port] = [new PortBinding { HostPort = "" }] },
            },
        };
        parameters.Labels.TryAdd(ContainerLabel.Environment, Environment);
        if (answers)
            parameters.Cmd = ["agent", "-dev", "-client", "0.0.0.0"];
        else
            (parameters.Entrypoint, parameters.Cmd) = (["/bin/sh", "-c"], ["trap 'exit 1' USR1; while :; do sleep 1; done"]);
        change?.Invoke(parameters);
        var container = await Docker.Containers.CreateContainerAsync(parameters, Ct);
        await Docker.Containers.StartContainerAsync(container.ID, cancellationToken: Ct);
        return container.ID;
    }

    public async Task<int> PublishedPortAsync(string container)
    {
        var inspected = await Docker.Containers.InspectContainerAsync(container, Ct);
        return int.Parse(inspected.NetworkSettings!.Ports[Port][0].HostPort);
    }

    public Task KillAsync(string container, string signal = "KILL") =>
        Docker.Containers.KillContainerAsync(container, new ContainerKillParameters { Signal = signal }, Ct);

    // Of a wait of 0 the library tells Docker nothing, which then waits for 10 s.
    public Task RestartAsync(string container) =>
        Docker.Containers.RestartContainerAsync(container, new ContainerRestartParameters { WaitBeforeKillSeconds = 1 }, Ct);

    public Task PauseAsync(string container) => Docker.Containers.PauseContainerAsync(container, Ct);

    public Task UnpauseAsync(string container) => Docker.Containers.UnpauseContainerAsync(container, Ct);

    public Task RenameAsync(string container, string name) =>
        Docker.Containers.RenameContainerAsync(container, new ContainerRenameParameters { NewName = Named(name) }, Ct);

    /// <summary>Waits until the health query tells of the service what is wanted.</summary>
    public Task<ServiceEntry[]> UntilAsync(string service, Func<ServiceEntry[], bool> wanted) =>
        ConsulFixture.Until((q, ct) => Consul.Health.Service(service, "", passingOnly: false, q, ct), wanted);

    public async Task<ServiceEntry> RegisteredAsync(string service) => Assert.Single(await UntilAsync(service, entries => entries.Length == 1));

    public Task GoneAsync(string service) => UntilAsync(service, entries => entries.Length == 0);

    public Task<ServiceEntry[]> StageAsync(string service, string stage) =>
        UntilAsync(service, entries => entries.Length > 0 && entries.All(entry => entry.Service.Tags[0] == stage));

    public Task PutDocumentAsync(ServiceDocument document) => PutDocumentAsync(document.Service, DocumentFormat.Write(document));

    public Task PutDocumentAsync(string service, string text) => PutDocumentAsync(service, Encoding.UTF8.GetBytes(text));

    public async ValueTask DisposeAsync()
    {
        await using var ends = new AsyncDisposables();
        ends.Add(DeregisterAsync);
        ends.Add(RemoveAsync);
        foreach (var sidecar in sidecars)
        {
            ends.Add(sidecar.Dispose);
            ends.Add(() => sidecar.StopAsync(CancellationToken.None));
        }
    }

    private async Task RemoveAsync()
    {
        var filter = new Dictionary<string, IDictionary<string, bool>> { ["label"] = new Dictionary<string, bool> { [$"{TestConsul.Label}={Environment}"] = true } };
        await Docker.RemoveAsync(await Docker.Containers.ListContainersAsync(new ContainersListParameters { All = true, Filters = filter }, CancellationToken.None));
    }

    private async Task DeregisterAsync()
    {
        foreach (var service in (await Consul.Agent.Services(CancellationToken.None)).Response.Values)
        {
            if (service.Meta.TryGetValue(InstanceMeta.Owner, out var owner) && owner == Node)
                await Consul.Agent.ServiceDeregister(service.ID, CancellationToken.None);
        }
    }

    private async Task PutDocumentAsync(string service, byte[] value) =>
        Assert.True((await Consul.KV.Put(new KVPair($"mesh/services/{service}") { Value = value }, Ct)).Response);
}
