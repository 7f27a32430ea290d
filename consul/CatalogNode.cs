namespace Consul;

/// <summary>A node and the instances on it.</summary>
public class CatalogNode
{
    /// <summary>The node.</summary>
    public Node Node { get; set => field = value ?? new(); } = new();

    /// <summary>The instances by id.</summary>
    public Dictionary<string, AgentService> Services { get; set => field = value ?? []; } = [];
}
