using Consul;
using Docker.DotNet;
using DotNet.Testcontainers.Configurations;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Testcontainers.Consul;
using Xunit;

[assembly: AssemblyFixture(typeof(SidecarConsul))]

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>One real Consul and the real Docker for all tests of the sidecar; they keep apart by node and mesh.</summary>
public sealed class SidecarConsul : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();

    // Fixed, so that a Consul that was restarted is where it was.
    private readonly int port = FreePort.Next();
    private ConsulContainer container = null!;

    /// <summary>What the agent is told beside the usual.</summary>
    public string[] Arguments { get; init; } = [];

    /// <summary>Whether it has its data still when it is restarted.</summary>
    public bool KeepsData { get; init; }

    /// <summary>Whether it may ask Docker, as a check inside a container needs.</summary>
    public bool SeesDocker { get; init; }

    public Uri Address => new($"http://127.0.0.1:{port}");

    public ConsulClient Client { get; private set; } = null!;

    public DockerClient Docker { get; private set; } = null!;

    /// <summary>The host's address as Consul's checks reach it.</summary>
    public string HostAddress { get; private set; } = "";

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        var builder = TestConsul.Builder().WithPortBinding(port, ConsulBuilder.ConsulHttpPort).WithCommand(Arguments);
        // Docker's socket is root's, and the script by which Consul's image begins makes it another user.
        if (SeesDocker)
            builder = builder.WithBindMount(DockerEngine.DefaultEndpoint.LocalPath, "/var/run/docker.sock").WithEntrypoint("consul");
        container = (KeepsData
            ? builder.WithCommand(new OverwriteEnumerable<string>(
                ["agent", "-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-client=0.0.0.0", "-data-dir=/tmp/consul", $"-hcl={TestConsul.Limits}"]))
            : builder).Build();
        Docker = await DockerEngine.ConnectAsync(endpoint: null, TestContext.Current.CancellationToken);
        started.Add(Docker.Dispose);
        started.Add(container);
        await container.StartAsync(TestContext.Current.CancellationToken);
        Client = ConsulFixture.ClientOf(Address);
        started.Add(Client.Dispose);
        var inspected = await Docker.Containers.InspectContainerAsync(container.Id, TestContext.Current.CancellationToken);
        HostAddress = inspected.NetworkSettings!.Networks.Values.First().Gateway;
    });

    public async Task RestartAsync()
    {
        await container.StopAsync(TestContext.Current.CancellationToken);
        await container.StartAsync(TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => started.DisposeAsync();
}
