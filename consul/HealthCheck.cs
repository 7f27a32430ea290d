namespace Consul;

/// <summary>A check in Consul's catalog.</summary>
public class HealthCheck
{
    /// <summary>The node's name.</summary>
    public string Node { get; set => field = value ?? ""; } = "";

    /// <summary>The check's id, unique on its node.</summary>
    public string CheckID { get; set => field = value ?? ""; } = "";

    /// <summary>The check's name.</summary>
    public string Name { get; set => field = value ?? ""; } = "";

    /// <summary>The state; one that Consul's API does not know is read as critical.</summary>
    public HealthStatus Status { get; set => field = value ?? HealthStatus.Critical; } = HealthStatus.Critical;

    /// <summary>A remark for people.</summary>
    public string Notes { get; set => field = value ?? ""; } = "";

    /// <summary>What the last run of the check said.</summary>
    public string Output { get; set => field = value ?? ""; } = "";

    /// <summary>The id of the service instance; empty for a check of the node.</summary>
    public string ServiceID { get; set => field = value ?? ""; } = "";

    /// <summary>The name of the service; empty for a check of the node.</summary>
    public string ServiceName { get; set => field = value ?? ""; } = "";

    /// <summary>The tags of the service instance; empty for a check of the node.</summary>
    public string[] ServiceTags { get; set => field = value ?? []; } = [];

    /// <summary>The kind: <c>http</c>, <c>tcp</c>, <c>ttl</c>, …; empty where Consul does not say it.</summary>
    public string Type { get; set => field = value ?? ""; } = "";
}
