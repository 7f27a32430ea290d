using System.Globalization;
using Docker.DotNet.Models;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>A container as the simulated Engine has it, and what Docker's API would tell of it.</summary>
internal sealed class SimulatedContainer
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    public required string Service { get; init; }

    /// <summary>The value of its deployment label; <c>null</c>: it has none.</summary>
    public required string? Deployment { get; init; }

    /// <summary>What it says in its environment beside its name.</summary>
    public required string[] Env { get; init; }

    /// <summary>The ids that this leads to, by port; the others are made of its name.</summary>
    public required IReadOnlyDictionary<int, string> Ids { get; init; }

    /// <summary>The id of the container whose network it shares; <c>null</c>: it has its own.</summary>
    public required string? NetworkOwner { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>What its HEALTHCHECK says; <c>null</c>: it has none.</summary>
    public string? Health { get; set; }

    public bool IsRunning { get; set; }

    public bool IsPaused { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public long ExitCode { get; set; }

    /// <summary>The port on the host by the port in the container; only a running container has them.</summary>
    public Dictionary<int, int> Ports { get; set; } = [];

    /// <summary>Where it is in its network, anew at each connection; <c>null</c> if it is in none, or shares another's.</summary>
    public string? Address { get; set; }

    private string State => !IsRunning ? "exited" : IsPaused ? "paused" : "running";

    private Dictionary<string, EndpointSettings> Networks =>
        IsRunning && Address is not null ? new() { ["bridge"] = new EndpointSettings { IPAddress = Address } } : [];

    private Dictionary<int, int> Published => Address is null ? [] : Ports;

    public string IdOf(int port) => Ids.GetValueOrDefault(port) ?? OwnIdOf(port);

    /// <summary>The id that is made of its name, under which it is registered where another container has the one that it says.</summary>
    public string OwnIdOf(int port) => $"{SimulatedNode.Host}:{Name}:{port}";

    /// <summary>The checks that an instance of it has to have, with their status, in one line.</summary>
    public string ChecksOf(string id)
    {
        List<string> checks = IsPaused ? [$"_service_maintenance:{id}=critical"] : [];
        if (Health is not null)
            checks.Add($"mesh:healthcheck:{id}={(Health == "healthy" ? "passing" : "critical")}");
        else
            checks.Add($"mesh:default:{id}=critical");
        if (Env.Contains(SimulatedDocker.Heartbeat))
            checks.Add($"service:{id}={(IsPaused ? "critical" : "passing")}");
        return string.Join(' ', checks.Order(StringComparer.Ordinal));
    }

    public ContainerInspectResponse Inspected() => new()
    {
        ID = Id,
        Created = CreatedAt.UtcDateTime,
        Name = "/" + Name,
        State = new State
        {
            Running = IsRunning,
            Paused = IsPaused,
            Status = State,
            ExitCode = ExitCode,
            StartedAt = StartedAt.ToString("O", CultureInfo.InvariantCulture),
            Health = Health is null ? null! : new Health { Status = Health },
        },
        Config = new ContainerConfig
        {
            Image = "demo",
            Env = [$"SERVICE_NAME={Service}", .. Env],
            ExposedPorts = Ports.Keys.ToDictionary(port => $"{port}/tcp", _ => default(EmptyStruct)),
            Labels = Deployment is null ? [] : new Dictionary<string, string> { [ContainerLabel.Deployment] = Deployment },
        },
        HostConfig = new HostConfig { NetworkMode = NetworkOwner is null ? "bridge" : $"container:{NetworkOwner}" },
        NetworkSettings = new NetworkSettings
        {
            Networks = Networks,
            Ports = Published.ToDictionary(
                port => $"{port.Key}/tcp",
                IList<PortBinding> (port) => [new PortBinding { HostIP = "0.0.0.0", HostPort = $"{port.Value}" }]),
        },
    };

    public ContainerListResponse Listed() => new()
    {
        ID = Id,
        Names = ["/" + Name],
        State = State,
        Status = Health switch { null => "Up 1 second", "starting" => "Up 1 second (health: starting)", _ => $"Up 1 second ({Health})" },
        Ports = [.. Published.Select(port => new PortSummary
        {
            IP = "0.0.0.0", PrivatePort = (ushort)port.Key, PublicPort = (ushort)port.Value, Type = "tcp",
        })],
        NetworkSettings = new NetworkSettingsSummary { Networks = Networks },
    };
}
