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

    public bool IsRunning { get; set; }

    public bool IsPaused { get; set; }

    public DateTimeOffset StartedAt { get; set; }

    public long ExitCode { get; set; }

    /// <summary>The port on the host by the port in the container; only a running container has them.</summary>
    public Dictionary<int, int> Ports { get; set; } = [];

    private string State => !IsRunning ? "exited" : IsPaused ? "paused" : "running";

    private Dictionary<string, EndpointSettings> Networks =>
        IsRunning ? new() { ["bridge"] = new EndpointSettings { IPAddress = "172.17.0.2" } } : [];

    public ContainerInspectResponse Inspected() => new()
    {
        ID = Id,
        Name = "/" + Name,
        State = new State
        {
            Running = IsRunning,
            Paused = IsPaused,
            Status = State,
            ExitCode = ExitCode,
            StartedAt = StartedAt.ToString("O", CultureInfo.InvariantCulture),
        },
        Config = new ContainerConfig
        {
            Image = "demo",
            Env = [$"SERVICE_NAME={Service}"],
            Labels = Deployment is null ? [] : new Dictionary<string, string> { [ContainerLabel.Deployment] = Deployment },
        },
        HostConfig = new HostConfig { NetworkMode = "bridge" },
        NetworkSettings = new NetworkSettings
        {
            Networks = Networks,
            Ports = Ports.ToDictionary(
                port => $"{port.Key}/tcp",
                IList<PortBinding> (port) => [new PortBinding { HostIP = "0.0.0.0", HostPort = $"{port.Value}" }]),
        },
    };

    public ContainerListResponse Listed() => new()
    {
        ID = Id,
        Names = ["/" + Name],
        State = State,
        Ports = [.. Ports.Select(port => new PortSummary
        {
            IP = "0.0.0.0", PrivatePort = (ushort)port.Key, PublicPort = (ushort)port.Value, Type = "tcp",
        })],
        NetworkSettings = new NetworkSettingsSummary { Networks = Networks },
    };
}
