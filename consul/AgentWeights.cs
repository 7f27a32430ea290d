namespace Consul;

/// <summary>How much an instance weighs in DNS answers (SRV records).</summary>
public class AgentWeights
{
    /// <summary>The weight while passing, 1 to 65535.</summary>
    public int Passing { get; set; }

    /// <summary>The weight while warning, 0 to 65535.</summary>
    public int Warning { get; set; }
}
