using System.Text.Json.Serialization;

namespace Consul;

/// <summary>What a session to be made is sent as: Consul takes an empty list of checks for "no check at all".</summary>
internal sealed record SessionRequest(
    string? Name,
    string? Node,
    List<string>? Checks,
    [property: JsonConverter(typeof(GoDurationConverter))] TimeSpan? LockDelay,
    SessionBehavior? Behavior,
    [property: JsonConverter(typeof(GoDurationConverter))] TimeSpan? TTL)
{
    public static SessionRequest From(SessionEntry? entry) => entry is null
        ? new(null, null, null, null, null, null)
        : new(
            entry.Name,
            entry.Node,
            entry.Checks.Count == 0 ? null : entry.Checks,
            entry.LockDelay,
            entry.Behavior,
            entry.TTL);
}

internal sealed record SessionCreated(string ID);
