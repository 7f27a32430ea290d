using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench;

/// <summary>The containers that a run makes; they bear a mesh name of their own, so that no other sidecar registers them.</summary>
internal sealed class BenchContainers(DockerClient docker)
{
    private const string ExposedPort = "5000/tcp";

    /// <summary>The name of the mesh that exists for this run only.</summary>
    public string Mesh { get; } = $"bench-{Guid.NewGuid():N}"[..16];

    /// <summary>Creates a container that does nothing and ends after a while, with one published port, of the given service.</summary>
    public async Task<string> CreateIdleAsync(string service, TimeSpan lifetime, CancellationToken ct) =>
        await CreateAsync(
            new CreateContainerParameters
            {
                Image = BenchConsul.Image,
                Entrypoint = ["sleep"],
                Cmd = [lifetime.TotalSeconds.ToString(CultureInfo.InvariantCulture)],
                Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["SERVICE_NAME"] = service },
                HostConfig = new HostConfig
                {
                    PortBindings = new Dictionary<string, IList<PortBinding>>(StringComparer.Ordinal)
                    {
                        [ExposedPort] = [new PortBinding { HostIP = "127.0.0.1", HostPort = "" }],
                    },
                },
                ExposedPorts = new Dictionary<string, EmptyStruct>(StringComparer.Ordinal) { [ExposedPort] = default },
            },
            ct);

    public Task StartAsync(string container, CancellationToken ct) =>
        docker.Containers.StartContainerAsync(container, new ContainerStartParameters(), ct);

    /// <summary>Creates and starts a container.</summary>
    public async Task<string> RunAsync(CreateContainerParameters parameters, CancellationToken ct)
    {
        var container = await CreateAsync(parameters, ct);
        await StartAsync(container, ct);
        return container;
    }

    public Task RemoveAsync(string container) => docker.Containers.RemoveContainerAsync(
        container, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, CancellationToken.None);

    /// <summary>Removes what is left of the run, whatever ended it.</summary>
    public async Task RemoveAllAsync()
    {
        var label = new Dictionary<string, bool>(StringComparer.Ordinal) { [$"{ContainerLabel.Environment}={Mesh}"] = true };
        var filters = new Dictionary<string, IDictionary<string, bool>>(StringComparer.Ordinal) { ["label"] = label };
        var left = await docker.Containers.ListContainersAsync(
            new ContainersListParameters { All = true, Filters = filters }, CancellationToken.None);
        await Parallel.ForEachAsync(
            left, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (container, _) => await RemoveAsync(container.ID));
    }

    /// <summary>Creates a container; it is removed with the run's others.</summary>
    public async Task<string> CreateAsync(CreateContainerParameters parameters, CancellationToken ct)
    {
        parameters.Labels ??= new Dictionary<string, string>(StringComparer.Ordinal);
        parameters.Labels[ContainerLabel.Environment] = Mesh;
        return (await docker.Containers.CreateContainerAsync(parameters, ct)).ID;
    }
}
