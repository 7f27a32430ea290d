namespace Consul;

/// <summary>An instance of a service to be registered at an agent. What is null is not sent.</summary>
public class AgentServiceRegistration
{
    /// <summary>The instance's id, unique on its node; null for the name.</summary>
    public string? ID { get; set; }

    /// <summary>The service's name; needed.</summary>
    public string? Name { get; set; }

    /// <summary>The tags; they replace those of an earlier registration with the same id.</summary>
    public string[]? Tags { get; set; }

    /// <summary>The port; 0 for none.</summary>
    public int Port { get; set; }

    /// <summary>The address; null for the node's.</summary>
    public string? Address { get; set; }

    /// <summary>Whether tags changed in the catalog are kept by the agent's anti-entropy.</summary>
    public bool EnableTagOverride { get; set; }

    /// <summary>The only check.</summary>
    public AgentServiceCheck? Check { get; set; }

    /// <summary>Several checks.</summary>
    public AgentServiceCheck[]? Checks { get; set; }

    /// <summary>The metadata: 64 pairs at the most, keys of 128 characters, values of 512.</summary>
    public IDictionary<string, string>? Meta { get; set; }

    /// <summary>Further addresses by name.</summary>
    public IDictionary<string, ServiceTaggedAddress>? TaggedAddresses { get; set; }

    /// <summary>The weights in DNS answers; null for 1 and 1.</summary>
    public AgentWeights? Weights { get; set; }
}
