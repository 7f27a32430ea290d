using DotNet.Testcontainers.Configurations;

namespace Testcontainers.Consul;

/// <summary>Makes <c>GetConnectionString()</c> the base address.</summary>
internal sealed class ConsulConnectionStringProvider
    : ContainerConnectionStringProvider<ConsulContainer, ConsulConfiguration>
{
    /// <inheritdoc />
    protected override string GetHostConnectionString() => Container.GetBaseAddress();
}
