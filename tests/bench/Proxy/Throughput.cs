using ServiceMesh.Policy;

namespace ServiceMesh.Bench.Proxy;

/// <summary>
/// Requests a second, processor time a request, and added latency, of the mesh's proxy and its peers in turns, so that a
/// machine that is slower for a while is so for all of them.
/// </summary>
internal sealed class Throughput(BenchMesh mesh, BenchMesh allOn, string folder, BenchLength length)
{
    private const string AllOn = "mesh with all on";
    private const string YarpAllOn = "bare YARP with the same header changes";
    private const string HaproxyAllOn = "HAProxy with the like on";
    private const string AllOnPrefix = Peers.ChangesPrefix;

    // Of bare YARP's requests a second and processor time, and of HAProxy's requests a second.
    private static readonly Bar Rate = new(LeastRatio: 0.95);
    private static readonly Bar Processor = new(MostRatio: 1.05);
    private static readonly Bar RateOfHaproxy = new(LeastRatio: 0.75);

    private readonly Dictionary<(string Proxy, int Connections), List<Run>> runs = [];

    public async Task<IReadOnlyList<Figure>> MeasureAsync(CancellationToken ct)
    {
        var (backend, other, yarp, nginx, haproxy, haproxyAllOn) = (Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free(), Ports.Free());
        await using var answering = await Peers.BackendAsync(folder, [("one", backend), ("two", other)], ct);
        await using var bare = await Peers.BareYarpAsync(yarp, backend, ct);
        await using var second = await Peers.NginxAsync(folder, nginx, backend, ct);
        await using var third = await Peers.HaproxyAsync(folder, haproxy, backend, ct);
        await using var fourth = await Peers.HaproxyAllOnAsync(folder, haproxyAllOn, backend, other, ct);
        await mesh.RegisterAsync("bench", "one", backend, ct);
        await mesh.PutAsync(ServiceDocument.Create("bench", [new Route(Host: null, Peers.Prefix, StripPath: true)]).Promote(BenchMesh.Release("one")), ct);
        await mesh.ServesAsync($"{Peers.Prefix}/", host: null, TimeSpan.FromSeconds(10), ct);
        await mesh.RegisterAsync("bench-all", "one", backend, ct);
        await mesh.RegisterAsync("bench-all", "two", other, ct);
        await mesh.PutAsync(Everything(), ct);
        await allOn.ServesAsync($"{AllOnPrefix}/", host: null, TimeSpan.FromSeconds(10), ct);

        Measured[] all =
        [
            new("mesh", mesh.Proxy, At(mesh.Address.Port)),
            new(AllOn, allOn.Proxy, new Uri(allOn.Address, $"{AllOnPrefix}/")),
            new("bare YARP", bare, At(yarp)),
            new(YarpAllOn, bare, new Uri($"http://127.0.0.1:{yarp}{AllOnPrefix}/")),
            new("HAProxy", third, At(haproxy)),
            new(HaproxyAllOn, fourth, new Uri($"http://127.0.0.1:{haproxyAllOn}{AllOnPrefix}/")),
            new("nginx", second, At(nginx)),
        ];
        foreach (var measured in all)
            await LoadRun.FullAsync(measured.Target, 64, length.WarmUp, ct);
        for (var round = 0; round < length.Rounds; round++)
        {
            foreach (var connections in new[] { 64, 512 })
            {
                // Whoever goes first has no advantage over the rounds.
                foreach (var measured in Turned(all, round))
                    await RunAsync(measured, connections, ct);
            }
        }

        var rate = Samples.Of(runs[("mesh", 64)].Select(run => run.Rate)).P50 * 0.3;
        return [.. Figures(), .. await LatencyAsync(all[0], all[2], new Uri($"http://127.0.0.1:{backend}/"), rate, ct)];
    }

    private async Task RunAsync(Measured measured, int connections, CancellationToken ct)
    {
        var before = measured.Process.ProcessorTime;
        var (answers, failures, time) = await LoadRun.FullAsync(measured.Target, connections, length.Run, ct);
        var used = measured.Process.ProcessorTime - before;
        if (failures > 0)
            throw new InvalidOperationException($"{failures} of {answers} requests through {measured.Name} failed");
        var key = (measured.Name, connections);
        if (!runs.TryGetValue(key, out var list))
            runs[key] = list = [];
        list.Add(new Run(answers / time.TotalSeconds, used.TotalMicroseconds / answers));
    }

    private IEnumerable<Figure> Figures() =>
        from connections in new[] { 64, 512 }
        from pair in new[] { ("mesh", "bare YARP"), ("mesh", "HAProxy"), ("mesh", "nginx"), (AllOn, YarpAllOn), (AllOn, HaproxyAllOn), (AllOn, "HAProxy") }
        from figure in new[]
        {
            Of("requests", "1/s", connections, pair, run => run.Rate) with
            {
                Bar = pair switch { (AllOn, YarpAllOn) => Rate, (AllOn, HaproxyAllOn) => RateOfHaproxy, _ => null },
            },
            Of("processor time a request", "µs", connections, pair, run => run.Processor) with
            {
                Bar = pair is (AllOn, YarpAllOn) ? Processor : null,
            },
        }
        select figure;

    private Figure Of(string name, string unit, int connections, (string Ours, string Peer) pair, Func<Run, double> value)
    {
        var ours = runs[(pair.Ours, connections)].ConvertAll(run => value(run));
        var theirs = runs[(pair.Peer, connections)].ConvertAll(run => value(run));
        return new Figure($"{name}, {connections} connections{(pair.Ours == AllOn ? ", all on" : "")}", unit, Samples.Of(ours), pair.Peer, Samples.Of(theirs))
        {
            Rounds = Samples.Of(ours.Zip(theirs, (one, other) => one / other)),
        };
    }

    // Beside its access log. No client brings a cookie: each one is new, and gets one.
    private static ServiceDocument Everything() =>
        ServiceDocument.Create("bench-all", [AllOnRoute()]).Promote(BenchMesh.Release("one")) with
        {
            Split = new Split(BenchMesh.Release("two"), 50),
            Traffic = new TrafficPolicy
            {
                Sticky = true,
                Concurrency = new ConcurrencyLimit(PerInstance: 1000, Queue: 1000),
                Probe = new ProbePolicy("/"),
                Passive = new PassivePolicy(ErrorShare: 0.5),
                SlowStart = TimeSpan.FromSeconds(1),
            },
        };

    private static Route AllOnRoute() => new(Host: null, AllOnPrefix, StripPath: true)
    {
        MaxBody = Peers.BodyLimit,
        RequestHeaders = new HeaderChanges { Set = Peers.RequestHeader },
        ResponseHeaders = new HeaderChanges { Set = Peers.ResponseHeader },
    };

    // What a proxy adds is what is left when the backend's own time at the same rate is taken off.
    private async Task<IEnumerable<Figure>> LatencyAsync(Measured ours, Measured bare, Uri direct, double rate, CancellationToken ct)
    {
        List<TimeSpan> meshed = [], yarp = [], backend = [];
        (List<TimeSpan> Times, Uri Target)[] all = [(meshed, ours.Target), (yarp, bare.Target), (backend, direct)];
        for (var round = 0; round < length.Rounds; round++)
        {
            foreach (var (times, target) in Turned(all, round))
                times.AddRange(await LoadRun.PacedAsync(target, 64, rate, length.Run, folder, ct));
        }

        var (a, b, c) = (Samples.Of(meshed), Samples.Of(yarp), Samples.Of(backend));
        return [new Figure($"added latency at {rate:0} requests/s", "ms", a.Without(c), "bare YARP", b.Without(c), new Bar(MostRatio: 1.2, MostRatioOfP99: 1.2))];
    }

    private static IEnumerable<T> Turned<T>(T[] all, int by) => all.Skip(by % all.Length).Concat(all.Take(by % all.Length));

    private static Uri At(int port) => new($"http://127.0.0.1:{port}{Peers.Prefix}/");

    private sealed record Measured(string Name, RunningProcess Process, Uri Target);

    private sealed record Run(double Rate, double Processor);
}

/// <summary>How long things are measured.</summary>
/// <param name="Rounds">How often each.</param>
/// <param name="Run">How long each time.</param>
/// <param name="WarmUp">How long before.</param>
internal sealed record BenchLength(int Rounds, TimeSpan Run, TimeSpan WarmUp)
{
    // Many short rounds: the shorter a round, the more alike the machine is to all that are measured in it.
    public static BenchLength Full { get; } = new(15, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(8));

    public static BenchLength Quick { get; } = new(3, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));
}
