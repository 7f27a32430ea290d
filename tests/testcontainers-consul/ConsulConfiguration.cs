using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;

namespace Testcontainers.Consul;

/// <inheritdoc cref="ContainerConfiguration" />
public sealed class ConsulConfiguration : ContainerConfiguration
{
    /// <summary>Creates an empty configuration.</summary>
    public ConsulConfiguration()
    {
    }

    /// <summary>Creates a configuration from a resource's.</summary>
    /// <param name="resourceConfiguration">The resource's configuration.</param>
    public ConsulConfiguration(IResourceConfiguration<CreateContainerParameters> resourceConfiguration)
        : base(resourceConfiguration)
    {
    }

    /// <summary>Creates a configuration from a container's.</summary>
    /// <param name="resourceConfiguration">The container's configuration.</param>
    public ConsulConfiguration(IContainerConfiguration resourceConfiguration)
        : base(resourceConfiguration)
    {
    }

    /// <summary>Creates a copy.</summary>
    /// <param name="resourceConfiguration">The configuration to copy.</param>
    public ConsulConfiguration(ConsulConfiguration resourceConfiguration)
        : this(new ConsulConfiguration(), resourceConfiguration)
    {
    }

    /// <summary>Creates a configuration in which the new values go before the old ones.</summary>
    /// <param name="oldValue">The old values.</param>
    /// <param name="newValue">The new values.</param>
    public ConsulConfiguration(ConsulConfiguration oldValue, ConsulConfiguration newValue)
        : base(oldValue, newValue)
    {
    }
}
