using Consul;
using ServiceMesh.Bench;
using ServiceMesh.Docker;
using Spectre.Console;

// Measures the mesh that ./mesh up brought up. Each figure stands beside its peer, measured in the same run: what Consul
// alone takes for the same way, which is what no registry-sidecar and no proxy on Consul can go below.
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
    var report = new BenchReport(
    [
        .. await RegistrationLag.MeasureAsync(docker, consul, cancel.Token),
        .. await PromotionLag.MeasureAsync(consul, cancel.Token),
    ]);
    AnsiConsole.Write(report.ToTable());
    await report.SaveAsync(args.Length > 0 ? args[0] : Path.Combine("artifacts", "bench.json"), cancel.Token);
    return 0;
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    return 130;
}
catch (Exception error) when (error is ConsulRequestException or DockerUnreachableException or InvalidOperationException)
{
    await Console.Error.WriteLineAsync($"bench: {error.Message}");
    return 1;
}
