namespace Consul;

/// <summary>An instance of a service, as its agent or the catalog knows it.</summary>
public class AgentService
{
    /// <summary>The instance's id, unique on its node.</summary>
    public string ID { get; set => field = value ?? ""; } = "";

    /// <summary>The service's name.</summary>
    public string Service { get; set => field = value ?? ""; } = "";

    /// <summary>The tags.</summary>
    public string[] Tags { get; set => field = value ?? []; } = [];

    /// <summary>The port; 0 if there is none.</summary>
    public int Port { get; set; }

    /// <summary>The address; empty means the node's.</summary>
    public string Address { get; set => field = value ?? ""; } = "";

    /// <summary>Further addresses by name.</summary>
    public IDictionary<string, ServiceTaggedAddress> TaggedAddresses { get; set => field = value ?? NoAddresses(); } =
        NoAddresses();

    /// <summary>Whether tags changed in the catalog are kept by the agent's anti-entropy.</summary>
    public bool EnableTagOverride { get; set; }

    /// <summary>The metadata.</summary>
    public IDictionary<string, string> Meta { get; set => field = value ?? NoMeta(); } = NoMeta();

    /// <summary>The weights in DNS answers; null where Consul does not say them.</summary>
    public AgentWeights? Weights { get; set; }

    private static Dictionary<string, string> NoMeta() => [];

    private static Dictionary<string, ServiceTaggedAddress> NoAddresses() => [];
}
