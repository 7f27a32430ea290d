using System.Globalization;
using Docker.DotNet.Models;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>Takes from Docker's inspect answer what registrations need, whatever Docker left out of it.</summary>
internal static class ContainerFactsReader
{
    private static readonly TimeSpan LongestStopTimeout = TimeSpan.FromDays(1);

    public static ContainerFacts Read(ContainerInspectResponse container) => new()
    {
        Id = container.ID,
        Name = container.Name.TrimStart('/'),
        Hostname = container.Config?.Hostname ?? "",
        Image = container.Config?.Image ?? "",
        ImageDigest = DigestOf(container),
        CreatedAt = new DateTimeOffset(DateTime.SpecifyKind(container.Created, DateTimeKind.Utc)),
        StartedAt = DateTimeOffset.TryParse(container.State?.StartedAt, CultureInfo.InvariantCulture, out var started) ? started : default,
        IsRunning = container.State is { Running: true, Restarting: false },
        IsPaused = container.State?.Paused ?? false,
        Health = HealthOf(container.State?.Health),
        ExitCode = container.State?.ExitCode ?? 0,
        StopSignal = container.Config?.StopSignal ?? "",
        StopTimeout = StopTimeoutOf(container.Config?.StopTimeout),
        AutoRemove = container.HostConfig?.AutoRemove ?? false,
        Env = [.. container.Config?.Env ?? []],
        Labels = new Dictionary<string, string>(container.Config?.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal),
        NetworkMode = container.HostConfig?.NetworkMode ?? "",
        Networks = Addresses(container.NetworkSettings),
        ExposedPorts = [.. (container.Config?.ExposedPorts?.Keys ?? []).Select(ContainerPort.Parse).OfType<ContainerPort>()],
        Bindings = Bindings(container.NetworkSettings),
    };

    private static ContainerHealth? HealthOf(Health? health) => health?.Status switch
    {
        null or "" or "none" => null,
        "healthy" => new ContainerHealth(HealthState.Healthy, LastLine(health)),
        "starting" => new ContainerHealth(HealthState.Starting, LastLine(health)),
        _ => new ContainerHealth(HealthState.Unhealthy, LastLine(health)),
    };

    // What a container prints may be anything of any length.
    private static string LastLine(Health health)
    {
        var lines = (health.Log?.LastOrDefault()?.Output ?? "").Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return ForeignText.Shown(lines.LastOrDefault() ?? "");
    }

    // Docker takes a negative one as for ever; then somebody else has to find out that the container goes on.
    private static TimeSpan StopTimeoutOf(TimeSpan? given) =>
        given is not { } timeout ? TimeSpan.Zero
        : timeout < TimeSpan.Zero || timeout > LongestStopTimeout ? LongestStopTimeout
        : timeout;

    private static string DigestOf(ContainerInspectResponse container)
    {
        var name = container.Config?.Image ?? "";
        var at = name.IndexOf('@', StringComparison.Ordinal);
        return at < 0 ? container.Image : name[(at + 1)..];
    }

    private static Dictionary<string, string> Addresses(NetworkSettings? settings)
    {
        var addresses = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (network, endpoint) in settings?.Networks ?? new Dictionary<string, EndpointSettings>())
        {
            var address = string.IsNullOrEmpty(endpoint?.IPAddress) ? endpoint?.GlobalIPv6Address : endpoint.IPAddress;
            if (!string.IsNullOrEmpty(address))
                addresses[network] = address;
        }

        return addresses;
    }

    private static Dictionary<ContainerPort, IReadOnlyList<HostBinding>> Bindings(NetworkSettings? settings)
    {
        var bindings = new Dictionary<ContainerPort, IReadOnlyList<HostBinding>>();
        foreach (var (key, published) in settings?.Ports ?? new Dictionary<string, IList<PortBinding>>())
        {
            if (ContainerPort.Parse(key) is { } port)
                bindings[port] = [.. (published ?? []).Select(Binding).OfType<HostBinding>()];
        }

        return bindings;
    }

    private static HostBinding? Binding(PortBinding binding) =>
        int.TryParse(binding.HostPort, out var port) && port is > 0 and < 65536 ? new HostBinding(binding.HostIP ?? "", port) : null;
}
