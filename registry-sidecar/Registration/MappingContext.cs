using Consul;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What a container's registrations depend on besides the container itself.</summary>
/// <param name="Options">The sidecar's settings.</param>
/// <param name="Node">The name of this node, the owner of what is registered.</param>
/// <param name="HostAddress">The address of this host for ports published on all of its addresses.</param>
/// <param name="Documents">The services' documents.</param>
/// <param name="FindContainer">A running container by id or name.</param>
/// <param name="FindRegistered">What the agent has now under a service id.</param>
internal sealed record MappingContext(
    SidecarOptions Options,
    string Node,
    string HostAddress,
    DocumentSet Documents,
    Func<string, ContainerFacts?> FindContainer,
    Func<string, AgentService?> FindRegistered)
{
    /// <summary>Which Consul the agent is; <c>null</c> if it does not say.</summary>
    public Version? AgentVersion { get; init; }

    /// <summary>Whether it is not known yet if this container runs, by its id.</summary>
    public Func<string, bool> IsUndecided { get; init; } = _ => false;

    /// <summary>The address of ports that are published on no address in particular.</summary>
    public string PublishedAddress => Options.Ip ?? HostAddress;
}

/// <summary>What a container leads to.</summary>
/// <param name="Registrations">Its instances.</param>
/// <param name="LeftOut">Why the container, or ports of it, are not registered; a sentence each.</param>
/// <param name="Warnings">What in its metadata could not be used; a sentence each.</param>
internal sealed record MappedContainer(
    IReadOnlyList<AgentServiceRegistration> Registrations, IReadOnlyList<string> LeftOut, IReadOnlyList<string> Warnings)
{
    /// <summary>What an instance is registered as where its id is another container's, by that id: under one that nobody else can have.</summary>
    public IReadOnlyDictionary<string, AgentServiceRegistration> Spares { get; init; } = new Dictionary<string, AgentServiceRegistration>();

    /// <summary>What the sidecar tells the agent about checks of these instances.</summary>
    public IReadOnlyList<ReportedCheck> Reported { get; init; } = [];

    /// <summary>Whether this is not what the container leads to now, but what it led to before, if that is known.</summary>
    public bool IsUndecided { get; init; }
}

/// <summary>The checks of one instance.</summary>
/// <param name="Definitions">All of them, with the status that a new one begins with.</param>
/// <param name="Hash">What they are, in short, whatever their status.</param>
/// <param name="Reported">Those that the sidecar itself keeps alive, and what holds for them now.</param>
internal sealed record ServiceChecks(AgentServiceCheck[] Definitions, string Hash, IReadOnlyList<ReportedCheck> Reported);
