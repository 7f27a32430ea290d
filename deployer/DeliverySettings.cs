namespace ServiceMesh.Deployer;

/// <summary>Where to deliver to, from the command line or the environment.</summary>
/// <param name="Consul">Consul's HTTP address; <c>null</c> for what CONSUL_HTTP_ADDR says.</param>
/// <param name="Docker">The Docker host's address; <c>null</c> for what DOCKER_HOST says.</param>
/// <param name="Environment">The name that tells meshes on one Docker host apart.</param>
/// <param name="Publish">The host IP address on which container ports are published.</param>
/// <param name="ProxyService">The name under which the proxies are registered.</param>
/// <param name="LockWait">How long to wait for a lock that another holds.</param>
internal sealed record DeliverySettings(
    Uri? Consul, Uri? Docker, string Environment, string Publish, string ProxyService, TimeSpan LockWait = default);
