using System.Diagnostics;
using System.Globalization;
using Consul;
using Docker.DotNet;
using ServiceMesh.Bench.Proxy;

namespace ServiceMesh.Bench;

/// <summary>
/// A host with many containers: 50 of them started at once, the sidecar's own start among 200 that run already, and what
/// it costs while nothing happens.
/// </summary>
internal sealed class ManyContainers(DockerClient docker, BenchContainers containers, BenchConsul consul, bool quick) : IDisposable
{
    private readonly HttpClient http = new();

    private const int Burst = 50;
    private const int All = 200;

    // 120 MB.
    private const double MostMemory = 120_000_000.0 / (1024 * 1024);

    // Code is slow until it has run a while, and a resync every 30 s takes minutes for that.
    private readonly TimeSpan settling = TimeSpan.FromSeconds(quick ? 15 : 30);
    private readonly TimeSpan quiet = TimeSpan.FromSeconds(quick ? 30 : 60);
    private readonly int times = quick ? 1 : 3;

    private static readonly ParallelOptions Many = new() { MaxDegreeOfParallelism = Burst };

    public async Task<IEnumerable<Figure>> MeasureAsync(CancellationToken ct)
    {
        var service = $"{containers.Mesh}-many";
        List<TimeSpan> lags = [];
        for (var time = 0; time < times; time++)
            lags.AddRange(await BurstAsync(service, (time + 1) * Burst, ct));
        await RunManyAsync(All - (times * Burst), service, ct);
        List<Run> runs = [];
        for (var time = 0; time < times; time++)
            runs.Add(await WithAResyncEverySecondAsync(service, ct));
        return
        [
            new Figure($"{Burst} started at once: own start event → in the catalog, without checks", "ms", Samples.Of(lags), Bar: new Bar(Max: 500)),
            .. await StartsAsync(service, Samples.Of(runs.Select(run => run.Started)), ct),
            new Figure($"CPU of a second with a reconcile and nothing to do, {All} containers without checks", "ms", Samples.Of(runs.Select(run => run.Cpu)), Bar: new Bar(P50: 50)),
            new Figure("writes to the agent and changes of the catalog while nothing happened", "writes", Samples.Of(runs.Select(run => (double)run.Writes)), Bar: new Bar(Max: 0)),
            new Figure($"resident memory, {All} containers without checks", "MiB", Samples.Of(runs.Select(run => run.Resident)), Bar: new Bar(Max: MostMemory)),
            .. await IdleAsync(ct),
        ];
    }

    public void Dispose() => http.Dispose();

    /// <summary>What one sidecar showed from its start on.</summary>
    private sealed record Run(TimeSpan Started, double Cpu, ulong Writes, double Resident);

    private async Task<Run> WithAResyncEverySecondAsync(string service, CancellationToken ct)
    {
        await ForgetAsync(service, ct);
        var status = Ports.Free();
        await using var sidecar = await SidecarRegistrar.CreateAsync(
            containers, consul, ct, settings: ["SIDECAR_RESYNC=1s", string.Create(CultureInfo.InvariantCulture, $"SIDECAR_STATUS_PORT={status}")]);
        var begin = Stopwatch.GetTimestamp();
        await sidecar.StartAsync(ct);
        await Follow.CountAsync(consul.Client, service, All, ct);
        var started = Stopwatch.GetElapsedTime(begin);
        await Task.Delay(settling, TimeProvider.System, ct);
        var before = await WritesAsync(status, ct) + (await consul.Client.Catalog.Services(ct)).LastIndex;
        var each = await CpuShareAsync(sidecar, ct);
        var writes = await WritesAsync(status, ct) + (await consul.Client.Catalog.Services(ct)).LastIndex - before;
        return new Run(started, each * 1000, writes, await ResidentAsync(sidecar, ct));
    }

    private async Task<IEnumerable<Figure>> StartsAsync(string service, Samples ours, CancellationToken ct)
    {
        var figure = new Figure($"sidecar's start → {All} containers in the catalog, without checks", "ms", ours, Bar: new Bar(P50: 2000));
        var alone = await RepeatedAsync(service, () => RegisterAsync(service, ct), ct);
        List<Figure> figures = [figure with { Peer = $"{All} agent registers → in the catalog", Theirs = alone }];
        if (RegistratorRegistrar.Binary is not null)
            figures.Add(figure with { Peer = "Registrator", Theirs = await RepeatedAsync(service, async () => await RegistratorRegistrar.StartAsync(consul, ct), ct) });
        return figures;
    }

    /// <summary>How long it takes whoever is begun until all are in the catalog.</summary>
    private async Task<Samples> RepeatedAsync(string service, Func<Task<IAsyncDisposable?>> begin, CancellationToken ct)
    {
        List<TimeSpan> spent = [];
        for (var time = 0; time < times; time++)
        {
            await ForgetAsync(service, ct);
            var began = Stopwatch.GetTimestamp();
            await using var registrar = await begin();
            await Follow.CountAsync(consul.Client, service, All, ct);
            spent.Add(Stopwatch.GetElapsedTime(began));
        }

        await ForgetAsync(service, ct);
        return Samples.Of(spent);
    }

    // Nobody can go below what the agent itself takes.
    private async Task<IAsyncDisposable?> RegisterAsync(string service, CancellationToken ct)
    {
        await Parallel.ForEachAsync(Enumerable.Range(1, All), Many, async (number, _) => await consul.Client.Agent.ServiceRegister(
            new AgentServiceRegistration { ID = string.Create(CultureInfo.InvariantCulture, $"{service}-{number}"), Name = service, Address = "127.0.0.1", Port = number }, ct));
        return null;
    }

    // A registration that repeats what the agent has changes nothing in the catalog.
    private async Task<ulong> WritesAsync(int status, CancellationToken ct)
    {
        var metrics = await http.GetStringAsync(new Uri($"http://127.0.0.1:{status}/metrics"), ct);
        var written = metrics.Split('\n').Where(line => !line.StartsWith('#') && line.Contains("_written_total", StringComparison.Ordinal)).ToList();
        return written.Count == 0
            ? throw new InvalidOperationException("the sidecar's metrics tell of no writes")
            : written.Aggregate(0UL, (sum, line) => sum + (ulong)double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
    }

    /// <summary>With the resync and the default check that it has where nobody set one, once the runtime has compiled anew what it found to be used often.</summary>
    private async Task<IEnumerable<Figure>> IdleAsync(CancellationToken ct)
    {
        await using var sidecar = await SidecarRegistrar.StartAsync(
            containers, consul, ct,
            settings: [$"{SidecarRegistrar.DefaultCheck}tcp", string.Create(CultureInfo.InvariantCulture, $"SIDECAR_STATUS_PORT={Ports.Free()}")]);
        await Task.Delay(6 * settling, TimeProvider.System, ct);
        List<double> shares = [];
        for (var time = 0; time < times; time++)
            shares.Add(await CpuShareAsync(sidecar, ct) * 100);
        return
        [
            new Figure($"CPU while idle, {All} containers with the default check", "%", Samples.Of(shares), Bar: new Bar(P50: 0.5)),
            new Figure($"resident memory, {All} containers with the default check", "MiB", Samples.Of([await ResidentAsync(sidecar, ct)]), Bar: new Bar(Max: MostMemory)),
        ];
    }

    /// <summary>What the last sidecar left is there already, and would not have to be registered.</summary>
    private async Task ForgetAsync(string service, CancellationToken ct)
    {
        foreach (var registered in (await consul.Client.Agent.Services(ct)).Response.Values.Where(one => one.Service == service))
            await consul.Client.Agent.ServiceDeregister(registered.ID, ct);
        await Follow.CountAsync(consul.Client, service, 0, ct);
    }

    private async Task<IEnumerable<TimeSpan>> BurstAsync(string service, int until, CancellationToken ct)
    {
        await using var sidecar = await SidecarRegistrar.StartAsync(containers, consul, ct);
        using var events = new DockerEvents(docker, ct);
        // One alone first: it warms the code up, and shows that the sidecar is ready.
        var first = string.Create(CultureInfo.InvariantCulture, $"{service}-first-{until}");
        await RunManyAsync(1, first, ct);
        await Follow.InstancesAsync(consul.Client, first, 1, ct);

        var arrivals = new Dictionary<string, long>(StringComparer.Ordinal);
        var following = Follow.ArrivalsAsync(consul.Client, service, until, arrivals, ct);
        var ids = await CreateManyAsync(Burst, service, ct);
        var starts = ids.ToDictionary(id => id, id => events.NextAsync("start", id), StringComparer.Ordinal);
        await Parallel.ForEachAsync(ids, Many, async (id, _) => await containers.StartAsync(id, ct));
        await following;

        List<TimeSpan> lags = [];
        foreach (var (id, start) in starts)
            lags.Add(Stopwatch.GetElapsedTime(await start, arrivals[id]));
        return lags;
    }

    /// <summary>The part of one processor that the sidecar takes while nothing happens.</summary>
    private async Task<double> CpuShareAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        var (before, begin) = (await CpuTimeAsync(sidecar, ct), Stopwatch.GetTimestamp());
        await Task.Delay(quiet, TimeProvider.System, ct);
        return (await CpuTimeAsync(sidecar, ct) - before) / Stopwatch.GetElapsedTime(begin);
    }

    private async Task RunManyAsync(int count, string service, CancellationToken ct) =>
        await Parallel.ForEachAsync(
            await CreateManyAsync(count, service, ct),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct },
            async (id, token) => await containers.StartAsync(id, token));

    private async Task<List<string>> CreateManyAsync(int count, string service, CancellationToken ct)
    {
        List<string> ids = [];
        for (var i = 0; i < count; i++)
            ids.Add(await containers.CreateIdleAsync(service, TimeSpan.FromHours(1), ct));
        return ids;
    }

    // The process's own: Docker's statistics are at a loss where another container rearranged the control groups.
    private async Task<TimeSpan> CpuTimeAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        using var process = Process.GetProcessById((int)await PidOfAsync(sidecar, ct));
        return process.TotalProcessorTime;
    }

    // As the kernel counts it, without the page cache that a container's own figure includes.
    private async Task<double> ResidentAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        var line = (await File.ReadAllLinesAsync($"/proc/{await PidOfAsync(sidecar, ct)}/status", ct)).First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private async Task<long> PidOfAsync(SidecarRegistrar sidecar, CancellationToken ct) =>
        (await docker.Containers.InspectContainerAsync(sidecar.Container, ct)).State!.Pid;
}
