namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What a registration is computed from: one container, as Docker's inspect answer tells of it.</summary>
internal sealed record ContainerFacts
{
    public required string Id { get; init; }

    /// <summary>Without the leading slash.</summary>
    public required string Name { get; init; }

    /// <summary>What the container takes for its host's name.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>The image as it was named when the container was created.</summary>
    public required string Image { get; init; }

    /// <summary>The repository digest where the container was created by it, else the image's id.</summary>
    public string ImageDigest { get; init; } = "";

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>By Docker's clock.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>A container that Docker is about to restart is not running, although Docker says so.</summary>
    public bool IsRunning { get; init; } = true;

    /// <summary>Frozen by <c>docker pause</c>; it still counts as running.</summary>
    public bool IsPaused { get; init; }

    /// <summary>What its HEALTHCHECK says; <c>null</c> if it has none.</summary>
    public ContainerHealth? Health { get; init; }

    public long ExitCode { get; init; }

    /// <summary>The signal that <c>docker stop</c> sends; empty for Docker's default.</summary>
    public string StopSignal { get; init; } = "";

    /// <summary>How long it asks for before Docker kills it; zero if it does not say.</summary>
    public TimeSpan StopTimeout { get; init; }

    /// <summary>Started with <c>--rm</c>.</summary>
    public bool AutoRemove { get; init; }

    /// <summary><c>NAME=value</c> each.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary><c>bridge</c>, <c>host</c>, <c>container:…</c> or a network's name.</summary>
    public string NetworkMode { get; init; } = "bridge";

    /// <summary>The container's address in each network that it is connected to.</summary>
    public IReadOnlyDictionary<string, string> Networks { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<ContainerPort> ExposedPorts { get; init; } = [];

    public IReadOnlyDictionary<ContainerPort, IReadOnlyList<HostBinding>> Bindings { get; init; } =
        new Dictionary<ContainerPort, IReadOnlyList<HostBinding>>();

    public bool UsesHostNetwork => NetworkMode == "host";

    /// <summary>The id or name of the container whose network this one shares.</summary>
    public string? NetworkOwner =>
        NetworkMode.StartsWith(SharedPrefix, StringComparison.Ordinal) ? NetworkMode[SharedPrefix.Length..] : null;

    private const string SharedPrefix = "container:";
}

/// <summary>What a container's HEALTHCHECK says.</summary>
/// <param name="State">How it is.</param>
/// <param name="Output">What its last run said, in one short line.</param>
internal sealed record ContainerHealth(HealthState State, string Output);

internal enum HealthState
{
    Starting,
    Healthy,
    Unhealthy,
}

/// <summary>A port inside a container.</summary>
internal readonly record struct ContainerPort(int Number, string Protocol)
{
    public const string Tcp = "tcp";

    public bool IsTcp => Protocol == Tcp;

    /// <summary>Reads <c>80/tcp</c>; a port without a protocol is a TCP port.</summary>
    public static ContainerPort? Parse(string text)
    {
        var parts = text.Split('/', 2);
        return int.TryParse(parts[0], out var number) && number is > 0 and < 65536
            ? new ContainerPort(number, parts.Length == 2 ? parts[1].ToLowerInvariant() : Tcp)
            : null;
    }

    public override string ToString() => $"{Number}/{Protocol}";
}

/// <summary>Where a container's port is published on the host.</summary>
internal sealed record HostBinding(string Address, int Port);
