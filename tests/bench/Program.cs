using Consul;
using Docker.DotNet;
using ServiceMesh.Bench;
using ServiceMesh.Docker;
using Spectre.Console;

// Measures the sidecar with a Consul of its own, and the proxy of the mesh that ./mesh up brought up. Figures stand beside
// a peer that is measured in the same run: what Consul alone takes for the same way, and Registrator where it is given.
using var cancel = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    cancel.Cancel();
};
try
{
    using var consul = new ConsulClient();
    using var docker = await DockerEngine.ConnectAsync(endpoint: null, cancel.Token);
    var containers = new BenchContainers(docker);
    List<Figure> figures = [];
    try
    {
        await using var own = await BenchConsul.StartAsync(docker, containers, cancel.Token);
        figures.AddRange(await new RegistrationLag(docker, containers, own).MeasureAsync(cancel.Token));
        figures.AddRange(await new ManyContainers(docker, containers, own).MeasureAsync(cancel.Token));
    }
    finally
    {
        await containers.RemoveAllAsync();
    }

    figures.AddRange(await PromotionLag.MeasureAsync(consul, cancel.Token));
    var report = new BenchReport(figures);
    AnsiConsole.Write(report.ToTable());
    await report.SaveAsync(args.Length > 0 ? args[0] : Path.Combine("artifacts", "bench.json"), cancel.Token);
    return 0;
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    return 130;
}
catch (Exception error) when (error is ConsulRequestException or DockerUnreachableException or DockerApiException or InvalidOperationException)
{
    await Console.Error.WriteLineAsync($"bench: {error.Message}");
    return 1;
}
