namespace Consul;

/// <summary>The report of a TTL check on the wire.</summary>
internal sealed record CheckUpdate(string Status, string? Output);
