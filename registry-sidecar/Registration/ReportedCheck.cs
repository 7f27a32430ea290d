using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>What the sidecar has to tell the agent about a TTL check of its own.</summary>
/// <param name="ServiceId">The instance that the check belongs to.</param>
/// <param name="CheckId">The check's id.</param>
/// <param name="TimeToLive">After how long without news the agent takes the check as critical.</param>
/// <param name="Status">What holds now.</param>
/// <param name="Output">Why, for people.</param>
internal sealed record ReportedCheck(string ServiceId, string CheckId, TimeSpan TimeToLive, HealthStatus Status, string Output)
{
    /// <summary>The remark by which a heartbeat is told from a TTL check to which the application itself reports.</summary>
    public const string HeartbeatNotes = "Says that the container runs.";

    private const string MirrorKind = "healthcheck";

    /// <summary>
    /// An absent sidecar is no sign of a sick container, so a day passes before its silence counts: neither an upgrade of the
    /// sidecar, nor a restart of Consul, nor an hour without it may take every container with a HEALTHCHECK out of the traffic.
    /// </summary>
    public static readonly TimeSpan MirrorLives = TimeSpan.FromDays(1);

    /// <summary>The check that says what the container's HEALTHCHECK says.</summary>
    public static ReportedCheck Mirror(string serviceId, ContainerHealth health) => new(
        serviceId, MirrorOf(serviceId), MirrorLives, health.State == HealthState.Healthy ? HealthStatus.Passing : HealthStatus.Critical, health.Output);

    /// <summary>The check that says that the container runs: <c>SERVICE_CHECK_TTL</c>.</summary>
    public static ReportedCheck Heartbeat(string serviceId, string checkId, TimeSpan timeToLive, ContainerFacts container, ContainerHealth? health)
    {
        // Nothing is said while all is well, so that no heartbeat is news to anybody.
        var obstacle = container.IsPaused ? "The container is paused."
            : health is { State: HealthState.Starting } ? "The container's HEALTHCHECK is still starting."
            : health is { State: HealthState.Unhealthy } ? "The container's HEALTHCHECK fails."
            : "";
        return new ReportedCheck(serviceId, checkId, timeToLive, obstacle.Length == 0 ? HealthStatus.Passing : HealthStatus.Critical, obstacle);
    }

    /// <summary>Whether the agent's check is one of those that the sidecar keeps alive.</summary>
    public static bool Is(AgentCheck check) =>
        check.CheckID == MirrorOf(check.ServiceID) || (check.Notes == HeartbeatNotes && CheckIds.Are(check.CheckID, check.ServiceID));

    /// <summary>What holds for such a check of a container that ended and whose registration stays.</summary>
    public static ReportedCheck Ended(AgentCheck check) =>
        new(check.ServiceID, check.CheckID, MirrorLives, HealthStatus.Critical, "The container has ended.");

    private static string MirrorOf(string serviceId) => CheckIds.Of(MirrorKind, serviceId);
}
