using Consul;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What is registered at the node's agent. It is read once and then kept in step with every write, so that an event costs
/// one call; after a failure it is unknown, and read anew.
/// </summary>
internal sealed class AgentState(IConsulClient consul)
{
    private Dictionary<string, AgentService> services = new(StringComparer.Ordinal);

    public bool IsKnown { get; private set; }

    /// <summary>The address that the agent advertises to the others.</summary>
    public string Address { get; private set; } = "";

    public IReadOnlyDictionary<string, AgentService> Services => services;

    public void Forget() => IsKnown = false;

    public async Task ReadAsync(CancellationToken ct)
    {
        var self = (await consul.Agent.Self(ct)).Response;
        var read = (await consul.Agent.Services(ct)).Response;
        Address = self.GetValueOrDefault("Member")?.TryGetValue("Addr", out var address) is true ? address.GetString() ?? "" : "";
        services = new Dictionary<string, AgentService>(read, StringComparer.Ordinal);
        IsKnown = true;
    }

    public async Task RegisterAsync(Registering registering, CancellationToken ct)
    {
        var registration = registering.Registration;
        await consul.Agent.ServiceRegister(registration, registering.ReplaceChecks, ct);
        lock (services)
            services[registration.ID!] = AsRegistered(registration);
    }

    public async Task DeregisterAsync(string id, CancellationToken ct)
    {
        await consul.Agent.ServiceDeregister(id, ct);
        lock (services)
            services.Remove(id);
    }

    private static AgentService AsRegistered(AgentServiceRegistration registration) => new()
    {
        ID = registration.ID!,
        Service = registration.Name!,
        Tags = registration.Tags!,
        Address = registration.Address!,
        Port = registration.Port,
        Meta = registration.Meta!,
    };
}
