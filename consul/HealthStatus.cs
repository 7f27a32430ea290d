using System.Text.Json.Serialization;

namespace Consul;

/// <summary>The state of a check.</summary>
[JsonConverter(typeof(HealthStatusConverter))]
public class HealthStatus : IEquatable<HealthStatus>
{
    /// <summary>The id of the check that node maintenance adds.</summary>
    public const string NodeMaintenance = "_node_maintenance";

    /// <summary>What the id of the check that service maintenance adds starts with; the service's id follows.</summary>
    public const string ServiceMaintenancePrefix = "_service_maintenance:";

    private HealthStatus(string status) => Status = status;

    /// <summary>The check passes.</summary>
    public static HealthStatus Passing { get; } = new("passing");

    /// <summary>The check warns; Consul still counts the instance among the healthy ones.</summary>
    public static HealthStatus Warning { get; } = new("warning");

    /// <summary>The check fails.</summary>
    public static HealthStatus Critical { get; } = new("critical");

    /// <summary>
    /// Node or service is in maintenance; computed by <see cref="HealthCheckExtension.AggregatedStatus"/>.
    /// </summary>
    public static HealthStatus Maintenance { get; } = new("maintenance");

    /// <summary>Every state; only for <see cref="IHealthEndpoint.State(HealthStatus, CancellationToken)"/>.</summary>
    public static HealthStatus Any { get; } = new("any");

    /// <summary>The state as Consul's API spells it.</summary>
    public string Status { get; }

    /// <summary>Reads the state of a check.</summary>
    /// <param name="status"><c>passing</c>, <c>warning</c> or <c>critical</c>.</param>
    /// <returns>The state.</returns>
    /// <exception cref="ArgumentException">The text is none of the three.</exception>
    public static HealthStatus Parse(string status) => status switch
    {
        "passing" => Passing,
        "warning" => Warning,
        "critical" => Critical,
        _ => throw new ArgumentException(
            $"'{status}' is no check status: passing, warning or critical", nameof(status)),
    };

    /// <summary>Whether both are the same state.</summary>
    /// <param name="left">One state.</param>
    /// <param name="right">The other state.</param>
    /// <returns>True if they are the same.</returns>
    public static bool operator ==(HealthStatus? left, HealthStatus? right) => ReferenceEquals(left, right);

    /// <summary>Whether the states differ.</summary>
    /// <param name="left">One state.</param>
    /// <param name="right">The other state.</param>
    /// <returns>True if they differ.</returns>
    public static bool operator !=(HealthStatus? left, HealthStatus? right) => !ReferenceEquals(left, right);

    /// <inheritdoc />
    public bool Equals(HealthStatus? other) => ReferenceEquals(this, other);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as HealthStatus);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Status);

    /// <inheritdoc />
    public override string ToString() => Status;
}
