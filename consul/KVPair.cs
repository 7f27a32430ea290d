using System.Text.Json.Serialization;

namespace Consul;

/// <summary>An entry of Consul's KV store.</summary>
[method: JsonConstructor]
public class KVPair(string key)
{
    /// <summary>The whole key, as it is in the store: not escaped, no leading slash.</summary>
    public string Key { get; set; } = key;

    /// <summary>The raft index at which the key was created; as a name for "this life of the key".</summary>
    public ulong CreateIndex { get; set; }

    /// <summary>
    /// The raft index of the last change; what <see cref="IKVEndpoint.CAS(KVPair, CancellationToken)"/> compares.
    /// </summary>
    public ulong ModifyIndex { get; set; }

    /// <summary>How often the key was locked.</summary>
    public ulong LockIndex { get; set; }

    /// <summary>A number of the application's own.</summary>
    public ulong Flags { get; set; }

    /// <summary>The content, 512 KiB at the most; null and empty are the same to Consul, which answers null.</summary>
    public byte[]? Value { get; set; }

    /// <summary>The session that holds the key's lock; null if none does.</summary>
    public string? Session { get; set; }
}
