using System.Diagnostics;
using Consul;
using Docker.DotNet;

namespace ServiceMesh.Bench;

/// <summary>
/// From Docker's <c>start</c> event to the instance in the catalog, and from <c>die</c> to its being gone. The peers are
/// one call to the agent by this program itself, which nobody can go below, and Registrator where there is one.
/// </summary>
internal sealed class RegistrationLag(DockerClient docker, BenchContainers containers, BenchConsul consul, bool quick)
{
    private const int Batches = 2;

    private readonly int rounds = quick ? 25 : 50;

    // The first rounds of a process warm its code up.
    private readonly int warmUp = quick ? 25 : 40;

    // It ends by itself: whom Docker ends the sidecar takes out before it dies.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(0.5);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lags agent = new();
    private readonly Lags sidecar = new();
    private readonly Lags registrator = new();

    public async Task<IEnumerable<Figure>> MeasureAsync(CancellationToken ct)
    {
        using var events = new DockerEvents(docker, ct);
        // In turns, so that what else the machine does meets all of them.
        for (var batch = 0; batch < Batches; batch++)
        {
            await using (await SidecarRegistrar.StartAsync(containers, consul, ct))
                await RunAsync(events, sidecar, ct);
            if (RegistratorRegistrar.Binary is null)
                continue;
            await using (await RegistratorRegistrar.StartAsync(consul, ct))
                await RunAsync(events, registrator, ct);
        }

        return
        [
            Compared("start event → in the catalog, without checks", lags => lags.Starts, "agent register → in the catalog", agent) with { Bar = new Bar(P50: 5, P90: 7) },
            Compared("die event → gone", lags => lags.Ends, "agent deregister → gone", agent) with { Bar = new Bar(P50: 3) },
            .. registrator.Starts.Count == 0 ? (Figure[])[] :
            [
                Compared("start event → in the catalog, without checks", lags => lags.Starts, "Registrator", registrator),
                Compared("die event → gone", lags => lags.Ends, "Registrator", registrator),
            ],
        ];
    }

    private Figure Compared(string name, Func<Lags, List<TimeSpan>> lags, string peer, Lags theirs) =>
        new(name, "ms", Samples.Of(lags(sidecar)), peer, Samples.Of(lags(theirs)));

    private async Task RunAsync(DockerEvents events, Lags lags, CancellationToken ct)
    {
        await ReadyAsync(ct);
        for (var round = 0; round < warmUp + rounds; round++)
        {
            var service = $"{containers.Mesh}-{Guid.NewGuid():N}"[..30];
            var (start, end) = await ContainerAsync(events, service, ct);
            var (register, deregister) = await AgentAsync(service, ct);
            if (round < warmUp)
                continue;
            lags.Add(start, end);
            agent.Add(register, deregister);
        }
    }

    /// <summary>Waits until the registrar works: the first container lives long enough for that, those that are measured do not.</summary>
    private async Task ReadyAsync(CancellationToken ct)
    {
        var service = $"{containers.Mesh}-{Guid.NewGuid():N}"[..30];
        var container = await containers.CreateIdleAsync(service, Patience, ct);
        await containers.StartAsync(container, ct);
        await Follow.InstancesAsync(consul.Client, service, 1, ct);
        await containers.RemoveAsync(container);
        await Follow.InstancesAsync(consul.Client, service, 0, ct);
    }

    private async Task<(TimeSpan Start, TimeSpan End)> ContainerAsync(DockerEvents events, string service, CancellationToken ct)
    {
        var container = await containers.CreateIdleAsync(service, Lifetime, ct);
        try
        {
            var start = await LagAsync(service, 1, events, "start", container, () => containers.StartAsync(container, ct), ct);
            var end = await LagAsync(service, 0, events, "die", container, () => Task.CompletedTask, ct);
            return (start, end);
        }
        finally
        {
            await containers.RemoveAsync(container);
        }
    }

    private async Task<(TimeSpan Register, TimeSpan Deregister)> AgentAsync(string service, CancellationToken ct)
    {
        var registration = new AgentServiceRegistration { ID = service, Name = service, Address = "127.0.0.1", Port = 1 };
        var register = await LagAsync(service, 1, () => consul.Client.Agent.ServiceRegister(registration, ct), ct);
        var deregister = await LagAsync(service, 0, () => consul.Client.Agent.ServiceDeregister(service, ct), ct);
        return (register, deregister);
    }

    private async Task<TimeSpan> LagAsync(
        string service, int count, DockerEvents events, string action, string container, Func<Task> act, CancellationToken ct)
    {
        var happened = events.NextAsync(action, container);
        var there = SeenAsync(service, count, ct);
        await act();
        return Stopwatch.GetElapsedTime(await happened.WaitAsync(Patience, ct), await there);
    }

    private async Task<TimeSpan> LagAsync(string service, int count, Func<Task> act, CancellationToken ct)
    {
        var there = SeenAsync(service, count, ct);
        var begin = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(begin, await there);
    }

    private async Task<long> SeenAsync(string service, int count, CancellationToken ct)
    {
        await Follow.InstancesAsync(consul.Client, service, count, ct);
        return Stopwatch.GetTimestamp();
    }

    private sealed class Lags
    {
        public List<TimeSpan> Starts { get; } = [];

        public List<TimeSpan> Ends { get; } = [];

        public void Add(TimeSpan start, TimeSpan end)
        {
            Starts.Add(start);
            Ends.Add(end);
        }
    }
}
