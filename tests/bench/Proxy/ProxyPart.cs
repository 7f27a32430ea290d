using Docker.DotNet;

namespace ServiceMesh.Bench.Proxy;

/// <summary>All figures of the proxy.</summary>
internal static class ProxyPart
{
    public static async Task<IReadOnlyList<Figure>> MeasureAsync(DockerClient docker, BenchContainers containers, bool quick, CancellationToken ct)
    {
        var length = quick ? BenchLength.Quick : BenchLength.Full;
        var folder = Directory.CreateTempSubdirectory("mesh-bench-").FullName;
        try
        {
            return
            [
                .. await ThroughputAsync(docker, containers, folder, length, ct),
                .. await ChangesAsync(docker, containers, folder, length, ct),
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<Figure>> ThroughputAsync(
        DockerClient docker, BenchContainers containers, string folder, BenchLength length, CancellationToken ct)
    {
        await using var consul = await BenchConsul.StartAsync(docker, containers, ct);
        await using var mesh = await BenchMesh.StartAsync(consul, ct);
        await using var allOn = await BenchMesh.StartAsync(consul, ct, "--access-log", Path.Combine(folder, "access.log"));
        return await new Throughput(mesh, allOn, folder, length).MeasureAsync(ct);
    }

    private static async Task<IReadOnlyList<Figure>> ChangesAsync(
        DockerClient docker, BenchContainers containers, string folder, BenchLength length, CancellationToken ct)
    {
        (int One, int Two) backends = (Ports.Free(), Ports.Free());
        await using var answering = await Peers.BackendAsync(folder, [("one", backends.One), ("two", backends.Two)], ct);
        IReadOnlyList<Figure> promotions;
        // On disk: it must know everything again after its restart.
        await using (var kept = await BenchConsul.StartAsync(docker, containers, ct, keepsData: true))
        await using (var before = await BenchMesh.StartAsync(kept, ct))
            promotions = await new Promotions(docker, before, backends).MeasureAsync(ct);
        await using var consul = await BenchConsul.StartAsync(docker, containers, ct);
        await using var mesh = await BenchMesh.StartAsync(consul, ct);
        using var many = new ManyServices(mesh, backends, length);
        int[] steps = length == BenchLength.Quick ? [10, 1000, 5000] : [10, 100, 1000, 5000, 10_000];
        return [.. promotions, .. await many.MeasureAsync(steps, ct)];
    }
}
