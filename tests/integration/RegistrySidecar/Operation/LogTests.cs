using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ServiceMesh.Docker;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What the process itself writes to its standard output.</summary>
public sealed partial class LogTests(SidecarConsul parts)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // Where it was built, in the same configuration, with the appsettings.json of its own.
    private static string OwnFolder
    {
        get
        {
            var here = new DirectoryInfo(AppContext.BaseDirectory);
            var root = here.Parent!.Parent!.Parent!.Parent!.Parent!;
            return Path.Combine(root.FullName, "registry-sidecar", "bin", here.Parent.Name, here.Name);
        }
    }

    [Fact]
    public async Task Process_LogAsJson_IsOneLineForEachChangeAndNoneWhileNothingChanges()
    {
        await using var mesh = new SidecarMesh(parts);
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var port = FreePort.Next();
        using var process = OperationTests.Start(
            $"--log-format json --explicit --resync 1s --status-port {port} --consul-http-addr {parts.Address} --docker-host {DockerEngine.DefaultEndpoint} "
            + $"--ip {parts.HostAddress} --node {mesh.Node} --environment {mesh.Environment}",
            folder: OwnFolder);
        try
        {
            await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
            await mesh.RegisteredAsync(service);
            using var http = new HttpClient();
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
            var passes = await PassesAsync();
            while (await PassesAsync() < passes + 3)
                await timer.WaitForNextTickAsync(Ct);
            await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
            await mesh.RegisteredAsync(marker);

            var lines = new List<string>();
            do
                lines.Add(await process.StandardOutput.ReadLineAsync(Ct).AsTask().WaitAsync(Patience, TimeProvider.System, Ct) ?? throw new EndOfStreamException(string.Join('\n', lines)));
            while (!lines[^1].Contains(marker, StringComparison.Ordinal));
            var said = lines.Select(line => JsonDocument.Parse(line).RootElement)
                .Select(line => (Level: line.GetProperty("LogLevel").GetString(), Service: line.GetProperty("State").TryGetProperty("Service", out var name) ? name.GetString() : null));
            // A warning is no change: a call to the agent or to Docker may fail meanwhile.
            Assert.Equal(
                [service, marker],
                said.SkipWhile(line => line.Service != service).Where(line => line.Level != "Warning").Select(line => line.Service));

            // None before the first pass.
            async Task<int> PassesAsync() =>
                Passes().Match(await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"), Ct)) is { Success: true } match
                    ? int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture)
                    : 0;
        }
        finally
        {
            process.Kill();
        }
    }

    [GeneratedRegex(@"(?m)^mesh_sidecar_reconcile_duration_seconds_count\{[^}]*\} (?<count>\d+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Passes();
}
