using System.Text.Json.Serialization;

namespace Consul;

/// <summary>A session: what holds locks. What is null or empty is not sent.</summary>
public class SessionEntry
{
    /// <summary>The raft index at which the session was made; not sent.</summary>
    public ulong CreateIndex { get; set; }

    /// <summary>The session's id; given by Consul, not sent.</summary>
    public string? ID { get; set; }

    /// <summary>A name for people.</summary>
    public string? Name { get; set; }

    /// <summary>The node that the session belongs to; null for the agent's.</summary>
    public string? Node { get; set; }

    /// <summary>
    /// The node's checks that end the session when critical; none given means Consul's default, serfHealth.
    /// </summary>
    public List<string> Checks { get; set => field = value ?? []; } = [];

    /// <summary>
    /// How long a lock cannot be taken after the session ended otherwise than by being let go; null for 15 s.
    /// </summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? LockDelay { get; set; }

    /// <summary>What happens to the locks; null for release.</summary>
    public SessionBehavior? Behavior { get; set; }

    /// <summary>
    /// The session ends if not renewed for so long (Consul may take up to twice that): 10 s to 24 h; null for never.
    /// </summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? TTL { get; set; }
}
