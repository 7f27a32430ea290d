namespace Consul;

/// <summary>An instance of a service in the catalog, without checks.</summary>
public class CatalogService
{
    /// <summary>The node's name.</summary>
    public string Node { get; set => field = value ?? ""; } = "";

    /// <summary>The node's address.</summary>
    public string Address { get; set => field = value ?? ""; } = "";

    /// <summary>The instance's id, unique on its node.</summary>
    public string ServiceID { get; set => field = value ?? ""; } = "";

    /// <summary>The service's name.</summary>
    public string ServiceName { get; set => field = value ?? ""; } = "";

    /// <summary>The instance's address; empty means the node's.</summary>
    public string ServiceAddress { get; set => field = value ?? ""; } = "";

    /// <summary>The tags.</summary>
    public string[] ServiceTags { get; set => field = value ?? []; } = [];

    /// <summary>The port; 0 if there is none.</summary>
    public int ServicePort { get; set; }

    /// <summary>Further addresses by name.</summary>
    public Dictionary<string, ServiceTaggedAddress> ServiceTaggedAddresses { get; set => field = value ?? []; } = [];

    /// <summary>Whether tags changed in the catalog are kept by the agent's anti-entropy.</summary>
    public bool ServiceEnableTagOverride { get; set; }

    /// <summary>The metadata.</summary>
    public IDictionary<string, string> ServiceMeta { get; set => field = value ?? NoMeta(); } = NoMeta();

    private static Dictionary<string, string> NoMeta() => [];
}
