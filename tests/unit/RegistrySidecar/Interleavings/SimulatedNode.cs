using Consul;
using Docker.DotNet.Models;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Settings;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar.Interleavings;

/// <summary>
/// The sidecar's real parts between a simulated Engine and a simulated Consul. Passes are driven one by one, at the moments
/// that the reconciler itself asks for, so that a run is as its steps say.
/// </summary>
internal sealed class SimulatedNode : IAsyncDisposable
{
    public const string Host = "h1";
    public const string Ip = "10.0.0.9";

    private readonly SetClock time = new();
    private readonly SidecarOptions options;
    private readonly Dictionary<string, ServiceDocument?> documents = new(StringComparer.Ordinal);
    private ServiceProvider parts;
    private TimeSpan patience;

    private SimulatedNode(SidecarOptions options, bool followsStrangers)
    {
        this.options = options;
        Consul = new SimulatedConsul { TellsNode = followsStrangers };
        parts = Build();
    }

    public SimulatedDocker Docker { get; } = new();

    public SimulatedConsul Consul { get; }

    /// <summary>What the agent has that this sidecar owns, and that does not stay because of how its container ended, or of who has its new id, a line each.</summary>
    public IEnumerable<string> Registered => Consul.Services
        .Where(service => !Consul.IsStrangers(service.ID) && !MayStay(service) && !WaitsForAStranger(service))
        .Select(service => $"{service.ID} {service.Service} {service.Address}:{service.Port} {service.Tags.FirstOrDefault()} {Ownership.ContainerOf(service)} {Consul.Checks.Of(service.ID)}")
        .Order(StringComparer.Ordinal);

    /// <summary>What runs, as it has to be registered, a line each.</summary>
    public IEnumerable<string> Expected =>
        (from container in Docker.Running
         where Docker.AddressOf(container) is not null
         from port in container.Ports
         let service = container.Ports.Count > 1 ? $"{container.Service}-{port.Key}" : container.Service
         let id = IdOf(container, port.Key)
         where !Consul.IsStrangers(id)
         select $"{id} {service} {PlaceOf(container, port.Key)} {StageOf(service, container)} {container.Id} {container.ChecksOf(id)}")
        .Order(StringComparer.Ordinal);

    /// <summary>
    /// Of those that run, are in a network and say one id, one has it; each other is registered under its own, and stays there though the first is gone.
    /// Who never met another that says it has it.
    /// </summary>
    private string IdOf(SimulatedContainer container, int port)
    {
        var (said, own) = (container.IdOf(port), container.OwnIdOf(port));
        var rivals = Docker.RivalsOf(container, said);
        return rivals.Any(rival => rival.IsRunning && Docker.AddressOf(rival) is not null)
            ? rivals.Any(rival => HasId(rival, said)) ? own : said
            : rivals.Count > 0 && HasId(container, own) ? own : said;
    }

    private bool HasId(SimulatedContainer container, string id) =>
        Consul.Services.Any(one => one.ID == id && Ownership.ContainerOf(one) == container.Id);

    /// <summary>Whether the container of what is registered has ended, and that does not go by the policy unless the container got a signal.</summary>
    public bool MayStay(AgentService service) => options.Deregister switch
    {
        DeregisterPolicy.Always => false,
        DeregisterPolicy.OnSuccess => Docker.Find(Ownership.ContainerOf(service)) is { IsRunning: false, ExitCode: not (0 or 137 or 143) },
        _ => Docker.Find(Ownership.ContainerOf(service)) is not { IsRunning: true },
    };

    /// <summary>Whether its container runs, and would be registered under an id there that is a stranger's. Nobody tells how it is meanwhile.</summary>
    private bool WaitsForAStranger(AgentService service) =>
        Docker.Find(Ownership.ContainerOf(service)) is { IsRunning: true, IsPaused: false, Health: null } container
        && !container.Env.Contains(SimulatedDocker.Heartbeat)
        && container.Ports.Keys.Any(port => PlaceOf(container, port) == $"{service.Address}:{service.Port}" && Consul.IsStrangers(IdOf(container, port)));

    private string PlaceOf(SimulatedContainer container, int port) => options.Internal || container.NetworkOwner is not null
        ? $"{Docker.AddressOf(container)}:{port}"
        : $"{Ip}:{container.Ports[port]}";

    private Reconciler Reconciler => parts.GetRequiredService<Reconciler>();

    private WorkQueue Queue => parts.GetRequiredService<WorkQueue>();

    public static async Task<SimulatedNode> StartAsync(
        TimeSpan resync, TimeSpan grace, bool followsStrangers = true, DeregisterPolicy policy = DeregisterPolicy.Always, bool isInternal = false)
    {
        var node = new SimulatedNode(
            new SidecarOptions { Ip = Ip, Internal = isInternal, Resync = resync, CleanupGrace = grace, Deregister = policy }, followsStrangers);
        await node.BeginAsync();
        return node;
    }

    /// <summary>The sidecar ends and begins anew, and asks Docker for what happened before; what it registered stays.</summary>
    public async Task RestartAsync()
    {
        await Consul.StrangersFollowedAsync();
        await DisposeAsync();
        Consul.FollowerLeft();
        parts = Build();
        await BeginAsync();
        var now = SimulatedDocker.NanosecondsOf(Docker.Clock);
        var since = ContainerWatch.Since(next: null, Docker.Clock.ToString("O"));
        Queue.Connected(
            new EngineConnection(Docker.Client, Host),
            [.. Docker.Remembered.Where(message => message.TimeNano >= since).Select(message => ContainerWatch.Aged(message, now)).OfType<(string, Happened)>()]);
    }

    public void Connect(string host = Host) => Queue.Connected(new EngineConnection(Docker.Client, host));

    public void Deliver(Message message)
    {
        if (ContainerEvents.Read(message) is var (container, happened))
            Queue.Mark(container, happened);
    }

    /// <summary>Delivers everything that was held back, the newest first: the order that is least like what happened.</summary>
    public void DeliverAll()
    {
        foreach (var message in Docker.Undelivered.AsEnumerable().Reverse())
            Deliver(message);
        Docker.Undelivered.Clear();
    }

    public async Task PutDocumentAsync(string service, string? active, string? retired)
    {
        var document = documents[service] = Given.Document(service, active, retired is null ? [] : [retired]);
        await FollowedAsync(Consul.PutDocumentAsync(service, DocumentFormat.Write(document)));
    }

    public async Task DeleteDocumentAsync(string service)
    {
        documents[service] = null;
        await FollowedAsync(Consul.PutDocumentAsync(service, null));
    }

    public async Task DamageDocumentAsync(string service)
    {
        documents.TryAdd(service, null);
        await FollowedAsync(Consul.PutDocumentAsync(service, "[{"u8.ToArray()));
    }

    // Where there are many documents, their follower rests a moment before it asks again.
    private async Task FollowedAsync(Task following)
    {
        while (await Task.WhenAny(following, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System)) != following)
            time.Advance(TimeSpan.FromMilliseconds(1));
        await following;
    }

    /// <summary>Looks until there is nothing to do now.</summary>
    public async Task PassAsync()
    {
        var passes = 0;
        do
        {
            await Consul.StrangersFollowedAsync();
            patience = await Reconciler.PassAsync(TestContext.Current.CancellationToken);
            Assert.True(++passes <= 50, "The reconciler never comes to rest.");
            Assert.Empty(Consul.Violated);
        }
        while (patience <= TimeSpan.Zero);
    }

    /// <summary>Lets time pass; the reconciler looks whenever it wanted to.</summary>
    /// <returns>How often it looked.</returns>
    public async Task<int> AdvanceAsync(TimeSpan duration)
    {
        // What came in woke it before any time could pass.
        await PassAsync();
        var passes = 0;
        for (var left = duration; left > TimeSpan.Zero; passes++)
        {
            var next = patience < left ? patience : left;
            time.Advance(next);
            Docker.Pass(next);
            left -= next;
            await PassAsync();
        }

        return passes;
    }

    /// <summary>Somebody sets the clock; no time passes by that.</summary>
    public void TurnClock(TimeSpan ahead) => time.Ahead += ahead;

    /// <summary>All failures end, and what was under way arrives.</summary>
    public async Task HealAsync()
    {
        Docker.ListFails = Consul.ReadFails = false;
        Docker.InspectFails.Clear();
        Docker.DuringList = null;
        Docker.DuringInspect.Clear();
        Array.Clear(Consul.Writes);
        Consul.LateWritesArrive();
        foreach (var (service, document) in documents)
            await FollowedAsync(Consul.PutDocumentAsync(service, document is null ? null : DocumentFormat.Write(document)));
    }

    public async ValueTask DisposeAsync()
    {
        await parts.GetRequiredService<DocumentWatch>().StopAsync(CancellationToken.None);
        await parts.DisposeAsync();
    }

    private ServiceProvider Build() => new ServiceCollection()
        .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
        .AddSingleton(options)
        .AddSingleton<TimeProvider>(time)
        .AddSingleton(Consul.Client)
        .AddSidecarParts()
        .BuildServiceProvider();

    private async Task BeginAsync()
    {
        var following = Consul.FollowedAnewAsync();
        await parts.GetRequiredService<DocumentWatch>().StartAsync(CancellationToken.None);
        await FollowedAsync(following);
    }

    private string StageOf(string service, SimulatedContainer container) => StageTag.Of(
        documents.GetValueOrDefault(service)?.StageOf(container.Deployment ?? container.Id) ?? Stage.Candidate);

    // The library's own AdjustTime moves the timestamps, too.
    private sealed class SetClock : FakeTimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public override long GetTimestamp() => base.GetUtcNow().Ticks;
    }
}
