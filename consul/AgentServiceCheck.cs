using System.Text.Json.Serialization;

namespace Consul;

/// <summary>
/// The definition of a check. One of <see cref="HTTP"/>, <see cref="TCP"/>, <see cref="GRPC"/>, <see cref="TTL"/>,
/// <see cref="Args"/> and <see cref="AliasService"/> gives its kind; all but TTL and alias checks need an
/// <see cref="Interval"/>. What is null is not sent.
/// </summary>
public class AgentServiceCheck
{
    /// <summary>
    /// The check's id, unique on its node; null for <c>service:&lt;id&gt;</c>, with a number if there are several.
    /// </summary>
    public string? CheckID { get; set; }

    /// <summary>The check's name; null for one made from the service's name.</summary>
    public string? Name { get; set; }

    /// <summary>A remark for people.</summary>
    public string? Notes { get; set; }

    /// <summary>The command of a script check; the agent has to allow script checks.</summary>
    public string[]? Args { get; set; }

    /// <summary>The container in which the command is run.</summary>
    public string? DockerContainerID { get; set; }

    /// <summary>The shell in that container.</summary>
    public string? Shell { get; set; }

    /// <summary>From one run to the next.</summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? Interval { get; set; }

    /// <summary>How long a run may take; null for Consul's 10 s (30 s for a script).</summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? Timeout { get; set; }

    /// <summary>A TTL check is critical if it was not updated for so long.</summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? TTL { get; set; }

    /// <summary>The URL of an HTTP check: 2xx passes, 429 warns, all else is critical.</summary>
    public string? HTTP { get; set; }

    /// <summary>Headers of the HTTP request, each with its values.</summary>
    public Dictionary<string, List<string>>? Header { get; set; }

    /// <summary>The method of the HTTP request; null for GET.</summary>
    public string? Method { get; set; }

    /// <summary>The body of the HTTP request.</summary>
    public string? Body { get; set; }

    /// <summary>The <c>host:port</c> of a TCP check.</summary>
    public string? TCP { get; set; }

    /// <summary>The <c>host:port</c> or <c>host:port/service</c> of a gRPC health check.</summary>
    public string? GRPC { get; set; }

    /// <summary>Whether the gRPC check uses TLS.</summary>
    public bool GRPCUseTLS { get; set; }

    /// <summary>Whether the certificate of an HTTPS or gRPC check goes unverified.</summary>
    public bool TLSSkipVerify { get; set; }

    /// <summary>The state until the first run; null for critical.</summary>
    public HealthStatus? Status { get; set; }

    /// <summary>The service instance whose state this check takes over (an alias check).</summary>
    public string? AliasService { get; set; }

    /// <summary>The node of that instance; null for the agent's own.</summary>
    public string? AliasNode { get; set; }

    /// <summary>How many passing runs in a row make the check passing; 0 for one.</summary>
    public int SuccessBeforePassing { get; set; }

    /// <summary>How many failing runs in a row make the check critical; 0 for one.</summary>
    public int FailuresBeforeCritical { get; set; }

    /// <summary>The instance is deregistered once it was critical for so long; 1 minute at the least.</summary>
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? DeregisterCriticalServiceAfter { get; set; }
}
