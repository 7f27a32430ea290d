namespace Consul;

/// <summary>What a write may be given besides its subject.</summary>
public class WriteOptions
{
    /// <summary>No option set. Shared: do not change it.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>The datacenter written to; null or empty for the configured one, else the agent's own.</summary>
    public string? Datacenter { get; set; }

    /// <summary>The ACL token of this call; null or empty for the configured one.</summary>
    public string? Token { get; set; }
}
