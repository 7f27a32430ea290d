using ServiceMesh.Deployer.Hosts;

namespace ServiceMesh.Deployer;

/// <summary>Where to deliver to, from the command line or the environment.</summary>
/// <param name="Consul">Consul's HTTP address; <c>null</c> for what CONSUL_HTTP_ADDR says.</param>
/// <param name="Hosts">The Docker hosts.</param>
/// <param name="Environment">The name that tells meshes on one Docker host apart.</param>
/// <param name="ProxyService">The name under which the proxies are registered.</param>
internal sealed record DeliverySettings(Uri? Consul, HostList Hosts, string Environment, string ProxyService)
{
    /// <summary>How long to wait for a lock that another holds.</summary>
    public TimeSpan LockWait { get; init; }

    /// <summary>Whether to go on without Docker hosts that do not answer.</summary>
    public bool AllowDegraded { get; init; }

    /// <summary>Whether Docker may be reached over a network without TLS.</summary>
    public bool Insecure { get; init; }
}
