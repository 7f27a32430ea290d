namespace Consul;

/// <summary>What a set of checks amounts to.</summary>
public static class HealthCheckExtension
{
    /// <summary>The worst state among the checks: maintenance, critical, warning, passing.</summary>
    /// <param name="checks">The checks; null or none is passing.</param>
    /// <returns>The state.</returns>
    public static HealthStatus AggregatedStatus(this IEnumerable<HealthCheck>? checks)
    {
        var worst = HealthStatus.Passing;
        foreach (var check in checks ?? [])
        {
            if (check.CheckID is HealthStatus.NodeMaintenance
                || check.CheckID.StartsWith(HealthStatus.ServiceMaintenancePrefix, StringComparison.Ordinal))
            {
                return HealthStatus.Maintenance;
            }

            if (check.Status == HealthStatus.Critical || worst == HealthStatus.Passing)
                worst = check.Status;
        }

        return worst;
    }
}
