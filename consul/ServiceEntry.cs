namespace Consul;

/// <summary>An instance of a service with its node and all checks that concern it.</summary>
public class ServiceEntry
{
    /// <summary>The node.</summary>
    public Node Node { get; set => field = value ?? new(); } = new();

    /// <summary>The instance.</summary>
    public AgentService Service { get; set => field = value ?? new(); } = new();

    /// <summary>The instance's checks and its node's.</summary>
    public HealthCheck[] Checks { get; set => field = value ?? []; } = [];
}
