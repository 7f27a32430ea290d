using System.Net;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Settings;

/// <summary>How this sidecar was told to work. The defaults are those of <c>--help</c>.</summary>
internal sealed record SidecarOptions
{
    /// <summary>The address that published ports are registered with; <c>null</c>: the binding's own, else the agent's.</summary>
    public string? Ip { get; init; }

    /// <summary>Registers the container's own address and port instead of the published ones.</summary>
    public bool Internal { get; init; }

    /// <summary>The network whose address <see cref="Internal"/> takes where a container has several.</summary>
    public string? Network { get; init; }

    /// <summary>Registers only ports that are named.</summary>
    public bool Explicit { get; init; }

    /// <summary>The label that holds the address to register, cut at its last slash.</summary>
    public string? UseIpFromLabel { get; init; }

    /// <summary>Tags for every service.</summary>
    public IReadOnlyList<TagTemplate> Tags { get; init; } = [];

    public DeregisterPolicy Deregister { get; init; } = DeregisterPolicy.Always;

    public bool EnableScriptChecks { get; init; }

    /// <summary>The check of an instance that has none of its own.</summary>
    public DefaultCheck DefaultCheck { get; init; } = DefaultCheck.Tcp;

    /// <summary>The owner of what is registered; <c>null</c>: the name of the Docker host.</summary>
    public string? Node { get; init; }

    /// <summary>Names that <see cref="Node"/> had before; their registrations are this sidecar's, too.</summary>
    public IReadOnlyList<string> FormerNodes { get; init; } = [];

    /// <summary>The mesh that this sidecar works for.</summary>
    public string Environment { get; init; } = "mesh";

    /// <summary>How often Docker and the agent are compared although nothing happened.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after its start the sidecar leaves registrations in place whose containers it never saw.</summary>
    public TimeSpan CleanupGrace { get; init; } = TimeSpan.FromSeconds(60);

    public OnExit OnExit { get; init; } = OnExit.Keep;

    /// <summary><c>null</c>: as the docker command finds it.</summary>
    public Uri? DockerHost { get; init; }

    /// <summary><c>null</c>: as Consul's own tools find it.</summary>
    public Uri? ConsulAddress { get; init; }

    /// <summary>How often Consul is asked again at the start before the sidecar gives up; -1: for ever.</summary>
    public int RetryAttempts { get; init; } = -1;

    /// <summary>Where health, readiness and metrics are told; 0: nowhere.</summary>
    public int StatusPort { get; init; }

    /// <summary>The address that <see cref="StatusPort"/> listens on.</summary>
    public IPAddress StatusAddress { get; init; } = IPAddress.Loopback;

    public LogFormat LogFormat { get; init; } = LogFormat.Text;
}

/// <summary>Which registrations go when their container ends.</summary>
internal enum DeregisterPolicy
{
    Always,
    OnSuccess,
    Never,
}

/// <summary>How an instance without a check of its own is checked.</summary>
internal enum DefaultCheck
{
    /// <summary>By a connection to its port.</summary>
    Tcp,

    /// <summary>Not at all, so that Consul takes it as passing.</summary>
    None,
}

/// <summary>What becomes of the registrations when the sidecar ends.</summary>
internal enum OnExit
{
    Keep,
    Deregister,
}

/// <summary>How the log is written.</summary>
internal enum LogFormat
{
    Text,
    Json,
}
