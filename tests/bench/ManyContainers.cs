using System.Diagnostics;
using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench;

/// <summary>
/// A host with many containers: 50 of them started at once, the sidecar's own start among 200 that run already, and what
/// it costs while nothing happens.
/// </summary>
internal sealed class ManyContainers(DockerClient docker, BenchContainers containers, BenchConsul consul)
{
    private const int Burst = 50;
    private const int All = 200;

    // Code is slow until it has run a while, and a resync every 30 s takes minutes for that.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(30);

    private static readonly ParallelOptions Many = new() { MaxDegreeOfParallelism = Burst };

    public async Task<IEnumerable<Figure>> MeasureAsync(CancellationToken ct)
    {
        var service = $"{containers.Mesh}-many";
        var burst = await BurstAsync(service, ct);
        await RunManyAsync(All - Burst, service, ct);
        var begin = Stopwatch.GetTimestamp();
        await using var sidecar = await SidecarRegistrar.StartAsync(containers, consul, ct, "SIDECAR_RESYNC=1s");
        await Follow.InstancesAsync(consul.Client, service, All, ct);
        var started = Stopwatch.GetElapsedTime(begin);
        return [burst, new Figure($"sidecar's start → {All} containers in the catalog", "ms", Samples.Of([started])), .. await QuietAsync(sidecar, ct)];
    }

    private async Task<Figure> BurstAsync(string service, CancellationToken ct)
    {
        await using var sidecar = await SidecarRegistrar.StartAsync(containers, consul, ct);
        using var events = new DockerEvents(docker, ct);
        // One alone first: it warms the code up, and shows that the sidecar is ready.
        await RunManyAsync(1, service + "-first", ct);
        await Follow.InstancesAsync(consul.Client, service + "-first", 1, ct);

        var arrivals = new Dictionary<string, long>(StringComparer.Ordinal);
        var following = Follow.ArrivalsAsync(consul.Client, service, Burst, arrivals, ct);
        var ids = await CreateManyAsync(Burst, service, ct);
        var starts = ids.ToDictionary(id => id, id => events.NextAsync("start", id), StringComparer.Ordinal);
        await Parallel.ForEachAsync(ids, Many, async (id, _) => await containers.StartAsync(id, ct));
        await following;

        List<TimeSpan> lags = [];
        foreach (var (id, start) in starts)
            lags.Add(Stopwatch.GetElapsedTime(await start, arrivals[id]));
        return new Figure($"{Burst} started at once: own start event → in the catalog", "ms", Samples.Of(lags));
    }

    private async Task<IEnumerable<Figure>> QuietAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        await Task.Delay(Settling, TimeProvider.System, ct);
        var index = (await consul.Client.Catalog.Services(ct)).LastIndex;
        var before = await CpuTimeAsync(sidecar, ct);
        await Task.Delay(Quiet, TimeProvider.System, ct);
        var each = (await CpuTimeAsync(sidecar, ct) - before) / Quiet.TotalSeconds;
        var writes = (await consul.Client.Catalog.Services(ct)).LastIndex - index;
        return
        [
            new Figure($"CPU of a second with a reconcile and nothing to do, {All} containers", "ms", Samples.Of([each])),
            new Figure("changes of the catalog while nothing happened", "writes", Samples.Of([(double)writes])),
            new Figure($"resident memory, {All} containers", "MiB", Samples.Of([await ResidentAsync(sidecar, ct)])),
        ];
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

    private async Task<TimeSpan> CpuTimeAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        var answer = new Answer();
        await docker.Containers.GetContainerStatsAsync(sidecar.Container, new ContainerStatsParameters { Stream = false, OneShot = true }, answer, ct);
        var nanoseconds = answer.Value?.CPUStats?.CPUUsage?.TotalUsage
            ?? throw new InvalidOperationException("Docker told no statistics of the sidecar");
        return TimeSpan.FromMicroseconds(nanoseconds / 1000d);
    }

    // As the kernel counts it, without the page cache that a container's own figure includes.
    private async Task<double> ResidentAsync(SidecarRegistrar sidecar, CancellationToken ct)
    {
        var pid = (await docker.Containers.InspectContainerAsync(sidecar.Container, ct)).State!.Pid;
        var line = (await File.ReadAllLinesAsync($"/proc/{pid}/status", ct)).First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private sealed class Answer : IProgress<ContainerStatsResponse>
    {
        public ContainerStatsResponse? Value { get; private set; }

        public void Report(ContainerStatsResponse value) => Value = value;
    }
}
