using System.Net;
using System.Text.Json;
using Consul;
using NSubstitute;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>A Consul agent in memory, which may refuse a write, lose it, carry it out without an answer, or much later.</summary>
internal sealed partial class SimulatedConsul
{
    /// <summary>Registrations fail by group, so that one of two may fail alone.</summary>
    public const int Groups = 3;

    private const string Node = "agent";

    private readonly Lock gate = new();
    private readonly Dictionary<string, AgentService> services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AgentService> strangers = new(StringComparer.Ordinal);
    private readonly List<(string Id, Action Write)> late = [];
    private bool readFails;
    private bool catalogLags;

    public SimulatedConsul()
    {
        Client = Substitute.For<IConsulClient>();
        Client.Agent.Self(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(Self));
        Client.Agent.Services(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(AllServices));
        // Whoever asks for others' registrations may be told of more.
        Client.Agent.Services(Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(AllServices));
        Client.Agent.Checks(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(() => Checks.All));
        Client.Agent.ServiceRegister(Arg.Any<AgentServiceRegistration>(), Arg.Any<bool>(), Arg.Any<CancellationToken>())
            .Returns(call => Register(call.Arg<AgentServiceRegistration>(), call.ArgAt<bool>(1)));
        Client.Agent.ServiceDeregister(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => WriteAsync(call.Arg<string>(), () => Remove(call.Arg<string>())));
        Client.Agent.CheckDeregister(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => WriteAsync(Checks.ServiceOf(call.Arg<string>()) ?? "", () => Checks.Remove(call.Arg<string>())));
        Client.Agent.UpdateTTL(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<TTLStatus>(), Arg.Any<CancellationToken>())
            .Returns(call => Tell(call.ArgAt<string>(0), call.Arg<TTLStatus>().Equals(TTLStatus.Pass) ? HealthStatus.Passing : HealthStatus.Critical));
        Client.Agent.EnableServiceMaintenance(Arg.Any<string>(), Arg.Any<string?>(), Arg.Any<CancellationToken>())
            .Returns(call => WriteAsync(call.ArgAt<string>(0), () => Pause(call.ArgAt<string>(0), call.ArgAt<string>(1))));
        Client.Agent.DisableServiceMaintenance(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => WriteAsync(call.Arg<string>(), () => Checks.Resume(call.Arg<string>())));
        Client.KV.List(Arg.Any<string>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => FollowAsync(call.Arg<QueryOptions>().WaitIndex, call.Arg<CancellationToken>()));
        Client.KV.Get("mesh/latest", Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => SilenceAsync(call.Arg<CancellationToken>()));
        Client.Catalog.Node(Node, Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => FollowStrangersAsync(call.Arg<QueryOptions>().WaitIndex, call.Arg<CancellationToken>()));
    }

    public IConsulClient Client { get; }

    public SimulatedChecks Checks { get; } = new();

    /// <summary>Whether the agent tells its node, so that what strangers register there can be followed.</summary>
    public bool TellsNode { get; init; }

    /// <summary>Whether the catalog has nothing yet of what strangers registered at the agent.</summary>
    public bool CatalogLags
    {
        get => catalogLags;
        set
        {
            catalogLags = value;
            StrangersChanged();
        }
    }

    public bool ReadFails
    {
        get => readFails;
        set
        {
            readFails = value;
            // A query that waits fails, too.
            if (value)
                StrangersChanged();
        }
    }

    /// <summary>How the writes of each group end.</summary>
    public WriteOutcome[] Writes { get; } = new WriteOutcome[Groups];

    /// <summary>Writes that took effect; a heartbeat that says what was said before is none.</summary>
    public int Written { get; private set; }

    /// <summary>What was told of checks, heartbeats too.</summary>
    public int Told { get; private set; }

    /// <summary>Reads of what is registered, whether they succeeded or not.</summary>
    public int Reads { get; private set; }

    public IEnumerable<AgentService> Services => services.Values;

    /// <summary>Registrations of somebody else that are no longer what he wrote.</summary>
    public IEnumerable<string> Violated =>
        strangers.Where(one => !ReferenceEquals(services.GetValueOrDefault(one.Key), one.Value)).Select(one => one.Key);

    public bool IsStrangers(string id) => strangers.ContainsKey(id);

    public void RegisterStranger(string id, Dictionary<string, string> meta)
    {
        strangers[id] = services[id] = new AgentService { ID = id, Service = "strange", Address = "10.9.9.9", Port = 1, Meta = meta };
        StrangersChanged();
    }

    public void RegisterStale(string id, Dictionary<string, string> meta) =>
        services[id] = new AgentService { ID = id, Service = "stale", Address = "10.9.9.9", Port = 1, Meta = meta };

    public void StrangerLeaves(string id)
    {
        if (strangers.Remove(id))
            Remove(id);
        StrangersChanged();
    }

    public void LoseEverything()
    {
        services.Clear();
        Checks.Clear();
        strangers.Clear();
        StrangersChanged();
    }

    /// <summary>Somebody does something to one of the sidecar's own registrations.</summary>
    public void Tamper(int which, Tampering how)
    {
        var own = services.Values.Where(service => !IsStrangers(service.ID)).OrderBy(service => service.ID, StringComparer.Ordinal).ToList();
        if (own.Count == 0)
            return;
        var victim = own[which % own.Count];
        switch (how)
        {
            case Tampering.Gone:
                Remove(victim.ID);
                break;
            case Tampering.WithoutChecks:
                Checks.Deregister(victim.ID);
                break;
            case Tampering.WithAStaleCheck:
                Checks.Add($"mesh:tcp:{victim.ID}", victim.ID);
                break;
            default:
                services[victim.ID] = new AgentService { ID = victim.ID, Service = victim.Service, Address = victim.Address, Port = 9, Tags = ["active"], Meta = victim.Meta };
                break;
        }
    }

    /// <summary>Writes that their caller gave up on arrive.</summary>
    public void LateWritesArrive()
    {
        // Nobody can call back what is on its way, so it is no fault if a stranger came meanwhile.
        foreach (var (_, write) in late.Where(one => !IsStrangers(one.Id)))
            write();
        late.Clear();
    }

    private Dictionary<string, AgentService> AllServices() => new(services, StringComparer.Ordinal);

    private Dictionary<string, Dictionary<string, JsonElement>> Self() => new()
    {
        ["Config"] = TellsNode ? new() { ["NodeName"] = JsonSerializer.SerializeToElement(Node) } : [],
        ["Member"] = new() { ["Addr"] = JsonSerializer.SerializeToElement("192.168.7.7") },
    };

    private Task<QueryResult<T>> ReadAsync<T>(Func<T> read)
    {
        lock (gate)
        {
            Reads++;
            return ReadFails ? Task.FromException<QueryResult<T>>(Error(HttpStatusCode.InternalServerError)) : Task.FromResult(new QueryResult<T> { Response = read() });
        }
    }

    private Task<WriteResult> Register(AgentServiceRegistration registration, bool replaceChecks) => WriteAsync(registration.ID!, () =>
    {
        Checks.Register(registration, replaceChecks);
        services[registration.ID!] = new AgentService
        {
            ID = registration.ID!,
            Service = registration.Name!,
            Address = registration.Address!,
            Port = registration.Port,
            Tags = [.. registration.Tags!],
            Meta = new Dictionary<string, string>(registration.Meta!),
        };
    });

    private void Remove(string id)
    {
        services.Remove(id);
        Checks.Deregister(id);
    }

    private void Pause(string id, string reason)
    {
        if (services.ContainsKey(id))
            Checks.Pause(id, reason);
    }

    private Task<WriteResult> Tell(string checkId, HealthStatus status)
    {
        lock (gate)
        {
            Told++;
            return Checks.ServiceOf(checkId) is { } service
                ? WriteAsync(service, () => Checks.Tell(checkId, status))
                : Task.FromException<WriteResult>(Error(HttpStatusCode.NotFound));
        }
    }

    private Task<WriteResult> WriteAsync(string id, Action write) => WriteAsync(id, () =>
    {
        write();
        return true;
    });

    /// <param name="id">The service that it is about.</param>
    /// <param name="write">What it does; whether anybody may notice.</param>
    private Task<WriteResult> WriteAsync(string id, Func<bool> write)
    {
        lock (gate)
        {
            var outcome = Writes[id.Sum(letter => letter) % Groups];
            if (outcome is WriteOutcome.Done or WriteOutcome.Unanswered)
            {
                Written += write() ? 1 : 0;
            }
            else if (outcome is WriteOutcome.Late)
                late.Add((id, () => write()));

            return outcome switch
            {
                WriteOutcome.Done => Task.FromResult(new WriteResult()),
                WriteOutcome.Refused => Task.FromException<WriteResult>(Error(HttpStatusCode.Forbidden)),
                WriteOutcome.Lost => Task.FromException<WriteResult>(Error(HttpStatusCode.InternalServerError)),
                _ => Task.FromException<WriteResult>(new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null)),
            };
        }
    }

    private static ConsulRequestException Error(HttpStatusCode status) => new($"answer {(int)status}", status);
}

/// <summary>How a write to the agent ends.</summary>
internal enum WriteOutcome
{
    Done,

    /// <summary>Answered with 403; nothing changed.</summary>
    Refused,

    /// <summary>Answered with 500; nothing changed.</summary>
    Lost,

    /// <summary>Carried out, but the answer never came.</summary>
    Unanswered,

    /// <summary>No answer came, and it is carried out at some later time.</summary>
    Late,
}

/// <summary>What somebody else does to a registration.</summary>
internal enum Tampering
{
    Gone,
    Changed,
    WithoutChecks,

    /// <summary>As if its removal had failed.</summary>
    WithAStaleCheck,
}
