using System.Diagnostics;
using System.Text.Json;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Bench.Proxy;

namespace ServiceMesh.Bench.Deployer;

/// <summary>
/// Whole runs of the deployer's own process, of an image that is at hand and has no tests: what it takes beside the time that a
/// container needs to become healthy.
/// </summary>
internal sealed class Deployments(DockerClient docker, BenchContainers containers, bool quick)
{
    // Small, and answers GET / on port 5000 with 200.
    private const string Image = "registry:2";
    private const string Name = "bench-app";

    private readonly int rounds = quick ? 8 : 20;

    public async Task<IReadOnlyList<Figure>> MeasureAsync(CancellationToken ct)
    {
        var registry = Environment.GetEnvironmentVariable("REGISTRY") ?? throw new InvalidOperationException("REGISTRY is not set: start the bench with ./mesh bench");
        await PushAsync($"{registry}/{Name}", ct);
        await using var consul = await BenchConsul.StartAsync(docker, containers, ct);
        var gateway = (await docker.Containers.InspectContainerAsync(consul.Container, ct)).NetworkSettings!.Networks!.Values.First().Gateway;
        await using var sidecar = await SidecarRegistrar.StartAsync(containers, consul, ct, gateway);
        await using var mesh = await BenchMesh.StartAsync(consul, ct);
        await consul.Client.Agent.ServiceRegister(new AgentServiceRegistration { Name = "proxy", Address = "127.0.0.1", Port = mesh.Address.Port }, ct);
        var (stopped, warm) = (await ManifestAsync(registry, warm: 0, ct), await ManifestAsync(registry, warm: 1, ct));
        List<TimeSpan> deploys = [], follows = [], rollbacks = [], warmRollbacks = [];
        // The first brings the code into the file cache, and the second has something to replace.
        for (var round = -2; round < rounds; round++)
        {
            var deploy = await RunAsync(consul, ["deploy", stopped, "--version", "1"], ct);
            if (round < 0)
                continue;
            var rollback = await RunAsync(consul, ["rollback", Name], ct);
            deploys.Add(deploy.UpTo("promote") - deploy.Of("healthy"));
            follows.Add(deploy.Of("proxies"));
            rollbacks.Add(rollback.UpTo("promote") - rollback.Of("start") - rollback.Of("healthy"));
            await RunAsync(consul, ["deploy", warm, "--version", "1"], ct);
            warmRollbacks.Add((await RunAsync(consul, ["rollback", Name], ct)).UpTo("promote"));
        }

        // The start alone, with the longest text, and with a manifest read.
        var (version, help, validate) = (await StartsAsync(["--version"], ct), await StartsAsync(["--help"], ct), await StartsAsync(["validate", stopped], ct));
        File.Delete(stopped);
        File.Delete(warm);
        return
        [
            new Figure("deployer --version: process start → end", "ms", version, Bar: new Bar(P50: 150)),
            new Figure("deployer --help: process start → end", "ms", help, Bar: new Bar(P50: 150)),
            new Figure("deployer validate: process start → end", "ms", validate, Bar: new Bar(P50: 150)),
            new Figure("deploy: process start → promoted, without the time to healthy", "ms", Samples.Of(deploys), Bar: new Bar(P50: 1500)),
            new Figure("promoted → every proxy applied it", "ms", Samples.Of(follows), Bar: new Bar(P50: 15)),
            new Figure("rollback: process start → a stopped release is active, without its start and the time to healthy", "ms", Samples.Of(rollbacks), Bar: new Bar(Max: 5000)),
            new Figure("rollback: process start → a warm release is active", "ms", Samples.Of(warmRollbacks), Bar: new Bar(Max: 1000)),
        ];
    }

    private static async Task<string> ManifestAsync(string registry, int warm, CancellationToken ct)
    {
        var path = Path.GetTempFileName();
        var text = $$"""
            name: {{Name}}
            image: {{registry}}/{{Name}}
            port: 5000
            routes: [{path: /{{Name}}}]
            health: {http: /, healthy-for: 0s}
            drain: 1s
            warm: {{warm}}
            """;
        await File.WriteAllTextAsync(path, text, ct);
        return path;
    }

    // What every verb takes before it does anything.
    private async Task<Samples> StartsAsync(string[] arguments, CancellationToken ct)
    {
        List<TimeSpan> starts = [];
        // The first brings the code into the file cache.
        for (var round = -1; round < rounds; round++)
        {
            var (_, took) = await ProcessAsync(arguments, ct);
            if (round >= 0)
                starts.Add(took);
        }

        return Samples.Of(starts);
    }

    private async Task<Run> RunAsync(BenchConsul consul, string[] arguments, CancellationToken ct)
    {
        var (told, took) = await ProcessAsync(
            [.. arguments, "--json", "--consul", consul.Address.ToString(), "--environment", containers.Mesh, "--publish", "0.0.0.0"], ct);
        using var report = JsonDocument.Parse(told);
        var phases = report.RootElement.GetProperty("phases").EnumerateArray()
            .Select(phase => (phase.GetProperty("name").GetString()!, TimeSpan.FromSeconds(phase.GetProperty("seconds").GetDouble())))
            .ToList();
        return new Run(took - TimeSpan.FromSeconds(report.RootElement.GetProperty("seconds").GetDouble()), phases);
    }

    private static async Task<(string Told, TimeSpan Took)> ProcessAsync(string[] arguments, CancellationToken ct)
    {
        var program = Environment.GetEnvironmentVariable("MESH_DEPLOYER") ?? throw new InvalidOperationException("MESH_DEPLOYER is not set: start the bench with ./mesh bench");
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        var begin = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var (told, narrated) = (process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
        await process.WaitForExitAsync(ct);
        var took = Stopwatch.GetElapsedTime(begin);
        return process.ExitCode == 0
            ? (await told, took)
            : throw new InvalidOperationException($"the deployer ended with exit code {process.ExitCode}: {await narrated}");
    }

    private async Task PushAsync(string repository, CancellationToken ct)
    {
        await docker.Images.TagImageAsync(Image, new ImageTagParameters { RepositoryName = repository, Tag = "1" }, ct);
        await docker.Images.PushImageAsync(repository, new ImagePushParameters { Tag = "1" }, new AuthConfig(), new Progress<JSONMessage>(), ct);
        await docker.Images.DeleteImageAsync($"{repository}:1", new ImageDeleteParameters { NoPrune = true }, ct);
    }

    /// <summary>One run: what it took outside of its phases, and each phase.</summary>
    private sealed record Run(TimeSpan Around, IReadOnlyList<(string Name, TimeSpan Took)> Phases)
    {
        public TimeSpan Of(string phase) => Phases.Where(one => one.Name == phase).Aggregate(TimeSpan.Zero, (sum, one) => sum + one.Took);

        public TimeSpan UpTo(string phase) => Phases.TakeWhile(one => one.Name != phase).Aggregate(Around, (sum, one) => sum + one.Took) + Of(phase);
    }
}
