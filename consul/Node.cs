using System.Text.Json.Serialization;

namespace Consul;

/// <summary>A node of the catalog.</summary>
public class Node
{
    /// <summary>The node's name.</summary>
    [JsonPropertyName("Node")]
    public string Name { get; set => field = value ?? ""; } = "";

    /// <summary>The node's address.</summary>
    public string Address { get; set => field = value ?? ""; } = "";

    /// <summary>The node's datacenter; empty where Consul does not say it.</summary>
    public string Datacenter { get; set => field = value ?? ""; } = "";

    /// <summary>Further addresses: <c>lan</c>, <c>wan</c>.</summary>
    public Dictionary<string, string> TaggedAddresses { get; set => field = value ?? []; } = [];
}
