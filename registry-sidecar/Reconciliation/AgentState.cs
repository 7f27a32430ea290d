using System.Net;
using System.Text.Json;
using Consul;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What is registered at the node's agent. It is read once and then kept in step with every write, so that an event costs
/// one call; after a failure it is unknown, and read anew.
/// </summary>
internal sealed class AgentState(IConsulClient consul)
{
    private readonly Lock gate = new();
    private Dictionary<string, AgentService> services = new(StringComparer.Ordinal);
    private Dictionary<string, AgentCheck> checks = new(StringComparer.Ordinal);
    // As the catalog told of it last.
    private IReadOnlyDictionary<string, AgentService> others = new Dictionary<string, AgentService>();
    private readonly HashSet<string> leftByHearsay = new(StringComparer.Ordinal);
    private List<string> begun = [];

    public bool IsKnown { get; private set; }

    /// <summary>The agent's node; empty if it does not say.</summary>
    public string Node { get; private set; } = "";

    /// <summary>The address that the agent advertises to the others.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Which Consul the agent is; <c>null</c> if it does not say.</summary>
    public Version? Version { get; private set; }

    public IReadOnlyDictionary<string, AgentService> Services => services;

    public IReadOnlyDictionary<string, AgentCheck> Checks => checks;

    public void Forget() => IsKnown = false;

    /// <summary>Whether only the catalog says that a stranger gave the id up: he may have been removed from that alone, and have it at the agent still.</summary>
    public bool IsFreeByHearsay(string id) => leftByHearsay.Contains(id);

    public async Task ReadAsync(CancellationToken ct)
    {
        var self = (await consul.Agent.Self(ct)).Response;
        var read = (await consul.Agent.Services(ct)).Response;
        var checking = (await consul.Agent.Checks(ct)).Response;
        (Node, Address) = (Told(self, "Config", "NodeName"), Told(self, "Member", "Addr"));
        // It may end with what only its builders need: 1.9.0-beta1, 1.8.7+ent.
        Version = Version.TryParse(Told(self, "Config", "Version").Split('-', '+')[0], out var version) ? version : null;
        services = new Dictionary<string, AgentService>(read, StringComparer.Ordinal);
        checks = new Dictionary<string, AgentCheck>(checking, StringComparer.Ordinal);
        leftByHearsay.Clear();
        IsKnown = true;
    }

    /// <summary>
    /// Reads again what others registered: an id of ours may be somebody else's since the last reading, and would be overwritten.
    /// </summary>
    public async Task ReadOthersAsync(Ownership owner, CancellationToken ct) =>
        Learn(owner, services, (await consul.Agent.Services(new QueryOptions { Filter = owner.OthersFilter }, ct)).Response);

    /// <summary>
    /// Learns what others have registered by the catalog, unless it is what was learned last: the agent may have been read since. Whom
    /// the catalog never told of stays, because it learns of him from the agent, and that may take a while.
    /// </summary>
    public void Learn(Ownership owner, IReadOnlyDictionary<string, AgentService> registered)
    {
        if (ReferenceEquals(registered, others))
            return;
        leftByHearsay.UnionWith(Learn(owner, others, registered));
        others = registered;
    }

    /// <summary>The checks that began anew with a registration since this was asked last.</summary>
    public IReadOnlyList<string> TakeBegun()
    {
        lock (gate)
        {
            var taken = begun;
            begun = [];
            return taken;
        }
    }

    public async Task RegisterAsync(Registering registering, CancellationToken ct)
    {
        var registration = registering.Registration;
        if (registering.IsTakeover)
            await DeregisterAsync(registration.ID!, ct);
        // To let Consul replace the checks would remove the maintenance, too.
        await consul.Agent.ServiceRegister(registration, replaceExistingChecks: false, ct);
        Learn(registration);
        // The old ones go last, and there is no moment without a check.
        foreach (var check in registering.StaleChecks)
            await RemoveCheckAsync(check, ct);
    }

    public async Task DeregisterAsync(string id, CancellationToken ct)
    {
        await consul.Agent.ServiceDeregister(id, ct);
        lock (gate)
            Remove(id);
    }

    /// <summary>Tells the agent what holds for a TTL check.</summary>
    public async Task ReportAsync(ReportedCheck report, CancellationToken ct)
    {
        await consul.Agent.UpdateTTL(report.CheckId, report.Output, report.Status == HealthStatus.Passing ? TTLStatus.Pass : TTLStatus.Critical, ct);
        lock (gate)
            checks[report.CheckId] = Check(report.ServiceId, report.CheckId, report.Status, report.Output, checks.GetValueOrDefault(report.CheckId)?.Notes);
    }

    /// <summary>Puts an instance into maintenance: it is critical for this reason, whatever its checks say.</summary>
    public async Task PauseAsync(string id, string reason, CancellationToken ct)
    {
        await consul.Agent.EnableServiceMaintenance(id, reason, ct);
        // The client takes it as done if the agent does not have the service.
        if (await ReadMaintenanceAsync(id, ct) is null)
            throw new ConsulRequestException("the agent does not have the service any more", HttpStatusCode.NotFound);
    }

    /// <summary>Ends the maintenance of an instance if it is for this reason still.</summary>
    public async Task ResumeAsync(string id, string reason, CancellationToken ct)
    {
        if ((await ReadMaintenanceAsync(id, ct))?.Notes != reason)
            return;
        await consul.Agent.DisableServiceMaintenance(id, ct);
        lock (gate)
            checks.Remove(CheckPlanner.MaintenanceOf(id));
    }

    /// <summary>
    /// An operator may have been there since the last reading, and the agent keeps the reason that came first.
    /// </summary>
    private async Task<AgentCheck?> ReadMaintenanceAsync(string id, CancellationToken ct)
    {
        var key = CheckPlanner.MaintenanceOf(id);
        var maintenance = (await consul.Agent.Checks(ct)).Response.GetValueOrDefault(key);
        lock (gate)
        {
            checks.Remove(key);
            if (maintenance is not null)
                checks[key] = maintenance;
        }

        return maintenance;
    }

    private static string Told(Dictionary<string, Dictionary<string, JsonElement>> self, string section, string entry) =>
        self.GetValueOrDefault(section)?.TryGetValue(entry, out var value) is true ? value.GetString() ?? "" : "";

    /// <returns>The ids that others had and gave up.</returns>
    private List<string> Learn(Ownership owner, IReadOnlyDictionary<string, AgentService> before, IReadOnlyDictionary<string, AgentService> registered)
    {
        lock (gate)
        {
            List<string> left =
            [
                .. services.Values.Where(service => !owner.Owns(service) && before.ContainsKey(service.ID) && !registered.ContainsKey(service.ID)).Select(service => service.ID),
            ];
            left.ForEach(Remove);
            foreach (var other in registered.Values.Where(service => !owner.Owns(service)))
                services[other.ID] = other;
            return left;
        }
    }

    private void Learn(AgentServiceRegistration registration)
    {
        lock (gate)
        {
            services[registration.ID!] = AsRegistered(registration);
            // A check that the agent has already keeps its status.
            foreach (var check in registration.Checks ?? [])
            {
                if (checks.TryAdd(check.CheckID!, Check(registration.ID!, check.CheckID!, check.Status ?? HealthStatus.Critical, notes: check.Notes)))
                    begun.Add(check.CheckID!);
            }
        }
    }

    private async Task RemoveCheckAsync(string id, CancellationToken ct)
    {
        await consul.Agent.CheckDeregister(id, ct);
        lock (gate)
            checks.Remove(id);
    }

    private void Remove(string id)
    {
        services.Remove(id);
        foreach (var check in checks.Values.Where(check => check.ServiceID == id).ToList())
            checks.Remove(check.CheckID);
    }

    private static AgentCheck Check(string serviceId, string id, HealthStatus status, string output = "", string? notes = null) =>
        new() { CheckID = id, ServiceID = serviceId, Status = status, Output = output, Notes = notes ?? "" };

    private static AgentService AsRegistered(AgentServiceRegistration registration) => new()
    {
        ID = registration.ID!,
        Service = registration.Name!,
        Tags = registration.Tags!,
        Address = registration.Address!,
        Port = registration.Port,
        Meta = registration.Meta!,
        Weights = registration.Weights,
    };
}
