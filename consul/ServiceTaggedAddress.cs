namespace Consul;

/// <summary>A further address of an instance.</summary>
public class ServiceTaggedAddress
{
    /// <summary>The address.</summary>
    public string Address { get; set => field = value ?? ""; } = "";

    /// <summary>The port.</summary>
    public int Port { get; set; }
}
