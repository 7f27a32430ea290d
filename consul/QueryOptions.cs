namespace Consul;

/// <summary>What a query may be given besides its subject.</summary>
public class QueryOptions
{
    /// <summary>No option set. Shared: do not change it.</summary>
    public static readonly QueryOptions Default = new();

    /// <summary>The datacenter asked; null or empty for the configured one, else the agent's own.</summary>
    public string? Datacenter { get; set; }

    /// <summary>How fresh the answer has to be.</summary>
    public ConsistencyMode Consistency { get; set; }

    /// <summary>
    /// The <see cref="QueryResult.LastIndex"/> of an earlier answer: the call then blocks until the subject's index is
    /// greater or <see cref="WaitTime"/> is over. 0 answers at once.
    /// </summary>
    public ulong WaitIndex { get; set; }

    /// <summary>
    /// How long a blocking query waits at the server; null for the configured time, else Consul's 5 minutes. Consul
    /// caps it at 10 minutes and adds up to a sixteenth at random. Only sent together with <see cref="WaitIndex"/>.
    /// </summary>
    public TimeSpan? WaitTime { get; set; }

    /// <summary>The ACL token of this call; null or empty for the configured one.</summary>
    public string? Token { get; set; }

    /// <summary>Sorts by round trip time from this node; <c>_agent</c> for the agent that is asked.</summary>
    public string? Near { get; set; }

    /// <summary>
    /// An expression of Consul's filter language, such as <c>ServiceTags contains "active"</c>; evaluated by the agent
    /// or server. The Consul package has typed filters in the place of this.
    /// </summary>
    public string? Filter { get; set; }
}
