namespace Consul;

/// <summary>A check to be registered at an agent by itself.</summary>
public class AgentCheckRegistration : AgentServiceCheck
{
    /// <summary>The instance that the check is for; null for the node.</summary>
    public string? ServiceID { get; set; }
}
