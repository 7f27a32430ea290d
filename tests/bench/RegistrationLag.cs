using System.Diagnostics;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench;

/// <summary>
/// From Docker's <c>start</c> event to the instance in the catalog, and from <c>die</c> to its being gone. The peer is one
/// call to the agent, made by this program itself.
/// </summary>
internal static class RegistrationLag
{
    private const int Rounds = 40;
    private const string Image = "registry:2";

    public static async Task<IEnumerable<Figure>> MeasureAsync(DockerClient docker, IConsulClient consul, CancellationToken ct)
    {
        List<TimeSpan> starts = [], dies = [], registers = [], deregisters = [];
        using var events = new DockerEvents(docker, ct);
        for (var round = 0; round < Rounds; round++)
        {
            var service = $"bench-{Guid.NewGuid():N}"[..20];
            var container = await docker.Containers.CreateContainerAsync(Parameters(service), ct);
            try
            {
                starts.Add(await LagAsync(consul, service, 1, events, "start", container.ID,
                    () => docker.Containers.StartContainerAsync(container.ID, new ContainerStartParameters(), ct), ct));
                dies.Add(await LagAsync(consul, service, 0, events, "die", container.ID,
                    () => docker.Containers.KillContainerAsync(container.ID, new ContainerKillParameters(), ct), ct));
            }
            finally
            {
                await docker.Containers.RemoveContainerAsync(container.ID, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, CancellationToken.None);
            }

            registers.Add(await PeerAsync(consul, service, 1, () => consul.Agent.ServiceRegister(new AgentServiceRegistration { ID = service, Name = service, Port = 1 }, ct), ct));
            deregisters.Add(await PeerAsync(consul, service, 0, () => consul.Agent.ServiceDeregister(service, ct), ct));
        }

        return
        [
            new Figure("start event → in the catalog", "agent register → in the catalog", Samples.Of(starts), Samples.Of(registers)),
            new Figure("die event → gone", "agent deregister → gone", Samples.Of(dies), Samples.Of(deregisters)),
        ];
    }

    private static async Task<TimeSpan> LagAsync(
        IConsulClient consul, string service, int count, DockerEvents events, string action, string container, Func<Task> act, CancellationToken ct)
    {
        var seen = events.NextAsync(action, container);
        var there = SeenAsync(consul, service, count, ct);
        await act();
        return Stopwatch.GetElapsedTime(await seen, await there);
    }

    private static async Task<TimeSpan> PeerAsync(IConsulClient consul, string service, int count, Func<Task> act, CancellationToken ct)
    {
        var there = SeenAsync(consul, service, count, ct);
        var begin = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(begin, await there);
    }

    private static async Task<long> SeenAsync(IConsulClient consul, string service, int count, CancellationToken ct)
    {
        await Follow.InstancesAsync(consul, service, count, ct);
        return Stopwatch.GetTimestamp();
    }

    private static CreateContainerParameters Parameters(string service) => new()
    {
        Image = Image,
        Name = service,
        Labels = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ContainerLabel.Environment] = Environment.GetEnvironmentVariable("MESH_ENVIRONMENT") ?? "mesh",
            ["SERVICE_NAME"] = service,
        },
        HostConfig = new HostConfig
        {
            PortBindings = new Dictionary<string, IList<PortBinding>>(StringComparer.Ordinal)
            {
                ["5000/tcp"] = [new PortBinding { HostIP = "127.0.0.1", HostPort = "" }],
            },
        },
        ExposedPorts = new Dictionary<string, EmptyStruct>(StringComparer.Ordinal) { ["5000/tcp"] = default },
    };
}
