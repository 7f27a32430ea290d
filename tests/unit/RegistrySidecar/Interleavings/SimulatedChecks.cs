using Consul;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>
/// The checks of a simulated agent: one space of ids for all its services, in which whoever registers a check last has it. None is
/// run, so only what the sidecar says changes a status.
/// </summary>
internal sealed class SimulatedChecks
{
    private readonly Dictionary<string, AgentCheck> checks = new(StringComparer.Ordinal);

    public Dictionary<string, AgentCheck> All => new(checks, StringComparer.Ordinal);

    /// <summary>The checks of a service with their status, in one line.</summary>
    public string Of(string serviceId) => string.Join(
        ' ', checks.Values.Where(check => check.ServiceID == serviceId).Select(check => $"{check.CheckID}={check.Status.Status}").Order(StringComparer.Ordinal));

    public void Register(AgentServiceRegistration service, bool replace)
    {
        var given = (service.Checks ?? []).Select(check => check.CheckID!).ToHashSet(StringComparer.Ordinal);
        if (replace)
            Remove(check => check.ServiceID == service.ID && !given.Contains(check.CheckID));
        foreach (var check in service.Checks ?? [])
        {
            var before = checks.GetValueOrDefault(check.CheckID!);
            checks[check.CheckID!] = Check(
                service.ID!, check.CheckID!, before?.ServiceID == service.ID ? before!.Status : check.Status ?? HealthStatus.Critical);
        }
    }

    public void Add(string id, string serviceId) => checks[id] = Check(serviceId, id, HealthStatus.Critical);

    public void Remove(string id) => checks.Remove(id);

    public void Deregister(string serviceId) => Remove(check => check.ServiceID == serviceId);

    public void Clear() => checks.Clear();

    public string? ServiceOf(string checkId) => checks.GetValueOrDefault(checkId)?.ServiceID;

    /// <returns>Whether that is news to anybody.</returns>
    public bool Tell(string checkId, HealthStatus status)
    {
        if (checks.GetValueOrDefault(checkId) is not { } check)
            return false;
        checks[checkId] = Check(check.ServiceID, checkId, status);
        return check.Status != status;
    }

    public void Pause(string serviceId, string reason) =>
        checks.TryAdd(HealthStatus.ServiceMaintenancePrefix + serviceId, Check(serviceId, HealthStatus.ServiceMaintenancePrefix + serviceId, HealthStatus.Critical, reason));

    public void Resume(string serviceId) => checks.Remove(HealthStatus.ServiceMaintenancePrefix + serviceId);

    private static AgentCheck Check(string serviceId, string id, HealthStatus status, string notes = "") =>
        new() { CheckID = id, ServiceID = serviceId, Status = status, Notes = notes };

    private void Remove(Func<AgentCheck, bool> gone)
    {
        foreach (var check in checks.Values.Where(gone).ToList())
            checks.Remove(check.CheckID);
    }
}
