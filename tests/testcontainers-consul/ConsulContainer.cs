using DotNet.Testcontainers.Containers;

namespace Testcontainers.Consul;

/// <inheritdoc cref="DockerContainer" />
/// <param name="configuration">The container's configuration.</param>
public sealed class ConsulContainer(ConsulConfiguration configuration) : DockerContainer(configuration)
{
    /// <summary>The address of Consul's HTTP API as the tests reach it.</summary>
    /// <returns>A URL with the mapped port.</returns>
    public string GetBaseAddress() =>
        new UriBuilder(Uri.UriSchemeHttp, Hostname, GetMappedPublicPort(ConsulBuilder.ConsulHttpPort)).ToString();
}
