using System.Net;
using System.Text.Json;
using Consul;
using NSubstitute;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>A Consul agent in memory, which may refuse a write, lose it, carry it out without an answer, or much later.</summary>
internal sealed class SimulatedConsul
{
    /// <summary>Registrations fail by group, so that one of two may fail alone.</summary>
    public const int Groups = 3;

    private const string Node = "agent";

    private readonly Lock gate = new();
    private readonly Dictionary<string, AgentService> services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AgentService> strangers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KVPair> documents = new(StringComparer.Ordinal);
    private readonly List<(string Id, Action Write)> late = [];
    private TaskCompletionSource changed = new();
    private TaskCompletionSource followed = new();
    private ulong index = 1;
    private bool readFails;
    private TaskCompletionSource strangersChanged = new();
    private TaskCompletionSource? strangersFollowed;
    private ulong strangersIndex = 1;

    public SimulatedConsul()
    {
        Client = Substitute.For<IConsulClient>();
        Client.Agent.Self(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(Self));
        Client.Agent.Services(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(AllServices));
        // Whoever asks for others' registrations may be told of more.
        Client.Agent.Services(Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(AllServices));
        Client.Agent.Checks(Arg.Any<CancellationToken>()).Returns(_ => ReadAsync(() => new Dictionary<string, AgentCheck>()));
        Client.Agent.ServiceRegister(Arg.Any<AgentServiceRegistration>(), Arg.Any<bool>(), Arg.Any<CancellationToken>())
            .Returns(call => Register(call.Arg<AgentServiceRegistration>()));
        Client.Agent.ServiceDeregister(Arg.Any<string>(), Arg.Any<CancellationToken>())
            .Returns(call => WriteAsync(call.Arg<string>(), () => services.Remove(call.Arg<string>())));
        Client.KV.List(Arg.Any<string>(), Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => FollowAsync(call.Arg<QueryOptions>().WaitIndex, call.Arg<CancellationToken>()));
        Client.KV.Get("mesh/latest", Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => SilenceAsync(call.Arg<CancellationToken>()));
        Client.Catalog.Node(Node, Arg.Any<QueryOptions>(), Arg.Any<CancellationToken>())
            .Returns(call => FollowStrangersAsync(call.Arg<QueryOptions>().WaitIndex, call.Arg<CancellationToken>()));
    }

    public IConsulClient Client { get; }

    /// <summary>Whether the agent tells its node, so that what strangers register there can be followed.</summary>
    public bool TellsNode { get; init; }

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

    /// <summary>Writes that took effect.</summary>
    public int Written { get; private set; }

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
            services.Remove(id);
        StrangersChanged();
    }

    public void LoseEverything()
    {
        services.Clear();
        strangers.Clear();
        StrangersChanged();
    }

    /// <summary>Somebody removes or changes one of the sidecar's own registrations.</summary>
    public void Tamper(int which, bool remove)
    {
        var own = services.Values.Where(service => !IsStrangers(service.ID)).OrderBy(service => service.ID, StringComparer.Ordinal).ToList();
        if (own.Count == 0)
            return;
        var victim = own[which % own.Count];
        if (remove)
            services.Remove(victim.ID);
        else
            services[victim.ID] = new AgentService { ID = victim.ID, Service = victim.Service, Address = victim.Address, Port = 9, Tags = ["active"], Meta = victim.Meta };
    }

    /// <summary>Writes that their caller gave up on arrive.</summary>
    public void LateWritesArrive()
    {
        // Nobody can call back what is on its way, so it is no fault if a stranger came meanwhile.
        foreach (var (_, write) in late.Where(one => !IsStrangers(one.Id)))
            write();
        late.Clear();
    }

    /// <summary>Writes or, with <c>null</c>, deletes a service's document, and waits until its follower has seen that.</summary>
    public async Task PutDocumentAsync(string service, byte[]? value)
    {
        index++;
        if (value is null)
            documents.Remove(service);
        else
            documents[service] = new KVPair($"mesh/services/{service}") { Value = value, ModifyIndex = index };
        followed = new TaskCompletionSource();
        var waiting = changed;
        changed = new TaskCompletionSource();
        waiting.SetResult();
        await FollowedAsync();
    }

    /// <summary>Ends when the follower of the documents has taken in the newest.</summary>
    public Task FollowedAsync() => followed.Task.WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Ends when whoever follows what strangers register has taken in the newest; at once if nobody does.</summary>
    public Task StrangersFollowedAsync() => (strangersFollowed?.Task ?? Task.CompletedTask).WaitAsync(TimeSpan.FromSeconds(30));

    private void StrangersChanged()
    {
        strangersIndex++;
        if (strangersFollowed is not null)
            strangersFollowed = new TaskCompletionSource();
        var waiting = strangersChanged;
        strangersChanged = new TaskCompletionSource();
        waiting.SetResult();
    }

    private async Task<QueryResult<CatalogNode?>> FollowStrangersAsync(ulong since, CancellationToken ct)
    {
        if (since == strangersIndex && !ReadFails)
        {
            // Asking again means that the last answer has been taken in.
            var waiting = strangersChanged.Task;
            (strangersFollowed ??= new TaskCompletionSource()).TrySetResult();
            await waiting.WaitAsync(ct);
        }

        if (ReadFails)
        {
            // Whoever follows has to notice that first.
            var failed = strangersFollowed;
            strangersFollowed = null;
            failed?.TrySetResult();
            throw Error(HttpStatusCode.InternalServerError);
        }

        return new QueryResult<CatalogNode?> { Response = new CatalogNode { Services = AllServices() }, LastIndex = strangersIndex };
    }

    private Dictionary<string, AgentService> AllServices() => new(services, StringComparer.Ordinal);

    private Dictionary<string, Dictionary<string, JsonElement>> Self() => new()
    {
        ["Config"] = TellsNode ? new() { ["NodeName"] = JsonSerializer.SerializeToElement(Node) } : [],
        ["Member"] = new() { ["Addr"] = JsonSerializer.SerializeToElement("192.168.7.7") },
    };

    // Documents are told of by their list alone here.
    private static async Task<QueryResult<KVPair?>> SilenceAsync(CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        return new QueryResult<KVPair?>();
    }

    private Task<QueryResult<T>> ReadAsync<T>(Func<T> read)
    {
        lock (gate)
        {
            Reads++;
            return ReadFails ? Task.FromException<QueryResult<T>>(Error(HttpStatusCode.InternalServerError)) : Task.FromResult(new QueryResult<T> { Response = read() });
        }
    }

    private Task<WriteResult> Register(AgentServiceRegistration registration) => WriteAsync(
        registration.ID!,
        () => services[registration.ID!] = new AgentService
        {
            ID = registration.ID!,
            Service = registration.Name!,
            Address = registration.Address!,
            Port = registration.Port,
            Tags = [.. registration.Tags!],
            Meta = new Dictionary<string, string>(registration.Meta!),
        });

    private Task<WriteResult> WriteAsync(string id, Action write)
    {
        lock (gate)
        {
            var outcome = Writes[id.Sum(letter => letter) % Groups];
            if (outcome is WriteOutcome.Done or WriteOutcome.Unanswered)
            {
                write();
                Written++;
            }
            else if (outcome is WriteOutcome.Late)
                late.Add((id, write));

            return outcome switch
            {
                WriteOutcome.Done => Task.FromResult(new WriteResult()),
                WriteOutcome.Refused => Task.FromException<WriteResult>(Error(HttpStatusCode.Forbidden)),
                WriteOutcome.Lost => Task.FromException<WriteResult>(Error(HttpStatusCode.InternalServerError)),
                _ => Task.FromException<WriteResult>(new ConsulRequestException("no answer", ConsulFault.Timeout, inner: null)),
            };
        }
    }

    private async Task<QueryResult<KVPair[]?>> FollowAsync(ulong since, CancellationToken ct)
    {
        if (since == index)
        {
            // Asking again means that the last answer has been taken in.
            var waiting = changed.Task;
            followed.TrySetResult();
            await waiting.WaitAsync(ct);
        }

        return new QueryResult<KVPair[]?> { Response = documents.Count == 0 ? null : [.. documents.Values], LastIndex = index };
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
