using System.CommandLine;
using Consul;
using Docker.DotNet;
using ServiceMesh.Bench;
using ServiceMesh.Bench.Deployer;
using ServiceMesh.Bench.Proxy;
using ServiceMesh.Docker;
using Spectre.Console;

// Figures stand beside a peer that is measured in the same run: what Consul alone takes for the same way, Registrator where
// it is given, bare YARP, HAProxy and nginx.
if (args is [BareYarp.Verb, var port, var backend])
{
    await BareYarp.RunAsync(port, backend);
    return 0;
}

var parts = new Argument<string[]>("part") { Description = "What is measured; without any, all.", Arity = ArgumentArity.ZeroOrMore };
parts.AcceptOnlyFromAmong("sidecar", "proxy", "deployer");
var quick = new Option<bool>("--quick") { Description = "Fewer and shorter runs: figures to work by, not to show." };
var output = new Option<string>("--output") { Description = "The file for the figures as JSON.", DefaultValueFactory = _ => Path.Combine("artifacts", "bench.json") };
var command = new RootCommand("The mesh's benchmarks. Exit code 1 where a figure does not hold its bar.") { parts, quick, output };
command.SetAction(async (parsed, ct) =>
{
    try
    {
        var report = new BenchReport(await MeasureAsync(parsed.GetValue(parts) is { Length: > 0 } named ? named : ["sidecar", "proxy", "deployer"], parsed.GetValue(quick), ct));
        // A log has no width of its own, and a table that is cut is none.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 220;
        AnsiConsole.Write(report.ToTable());
        await report.SaveAsync(parsed.GetValue(output)!, ct);
        return report.Held ? 0 : 1;
    }
    catch (OperationCanceledException) when (ct.IsCancellationRequested)
    {
        return 130;
    }
    catch (Exception error) when (error is ConsulRequestException or DockerUnreachableException or DockerApiException or InvalidOperationException)
    {
        await Console.Error.WriteLineAsync($"bench: {error.Message}");
        return 1;
    }
});
// What a run made is removed at its end, and that takes longer than this library's two seconds.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });

static async Task<IReadOnlyList<Figure>> MeasureAsync(string[] parts, bool quick, CancellationToken ct)
{
    using var docker = await DockerEngine.ConnectAsync(endpoint: null, ct);
    var containers = new BenchContainers(docker);
    List<Figure> figures = [];
    try
    {
        if (parts.Contains("sidecar", StringComparer.Ordinal))
        {
            await using var own = await BenchConsul.StartAsync(docker, containers, ct);
            figures.AddRange(await new RegistrationLag(docker, containers, own, quick).MeasureAsync(ct));
            using var many = new ManyContainers(docker, containers, own, quick);
            figures.AddRange(await many.MeasureAsync(ct));
        }

        if (parts.Contains("proxy", StringComparer.Ordinal))
            figures.AddRange(await ProxyPart.MeasureAsync(docker, containers, quick, ct));
        if (parts.Contains("deployer", StringComparer.Ordinal))
            figures.AddRange(await new Deployments(docker, containers, quick).MeasureAsync(ct));
    }
    finally
    {
        await containers.RemoveAllAsync();
    }

    return figures;
}
