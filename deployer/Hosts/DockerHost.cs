namespace ServiceMesh.Deployer.Hosts;

/// <summary>A machine that containers are started on.</summary>
/// <param name="Name">What manifests call it.</param>
/// <param name="Address">Where its Docker Engine is; <c>null</c> for where the docker command finds one.</param>
/// <param name="Publish">The IP address of it on which container ports are published.</param>
/// <param name="Certificates">The folder with <c>ca.pem</c>, <c>cert.pem</c> and <c>key.pem</c>; <c>null</c> for the environment's.</param>
internal sealed record DockerHost(string Name, Uri? Address, string Publish, string? Certificates = null);

/// <summary>The Docker hosts of a mesh.</summary>
/// <param name="Production">Where services run, in the order of the file.</param>
/// <param name="Tests">Where their tests run, unless a manifest has them run in production.</param>
internal sealed record HostList(IReadOnlyList<DockerHost> Production, DockerHost Tests);
