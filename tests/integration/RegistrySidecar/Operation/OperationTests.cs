using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar.DryRun;
using ServiceMesh.RegistrySidecar.Operation;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What an operator sees and does: the status port, the dry run, the filter in front of Docker's socket.</summary>
public sealed class OperationTests(SidecarConsul parts)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task StatusPort_SidecarAtWork_TellsReadinessAndMetrics()
    {
        await using var mesh = new SidecarMesh(parts);
        var port = FreePort.Next();
        await mesh.StartSidecarAsync(options => options with { StatusPort = port });
        await mesh.RunAsync("web", [$"SERVICE_NAME={mesh.Named("web")}"]);
        await mesh.RegisteredAsync(mesh.Named("web"));
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        Assert.Equal("""{"status":"healthy"}""", await http.GetStringAsync("/healthz", Ct));
        Assert.Equal("""{"status":"ready"}""", await http.GetStringAsync("/readyz", Ct));
        var metrics = await http.GetStringAsync("/metrics", Ct);
        Assert.Matches(@"(?m)^mesh_sidecar_event_lag_seconds_count\{[^}]*\} [1-9]", metrics);
        Assert.Matches(@"(?m)^mesh_sidecar_docker_connected\{[^}]*\} 1\b", metrics);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/metrics/x", Ct)).StatusCode);
    }

    [Fact]
    public async Task StatusPort_NothingAnswers_IsHealthyAndNotReady()
    {
        await using var mesh = new SidecarMesh(parts);
        var port = FreePort.Next();
        await mesh.StartSidecarAsync(options => options with
        {
            StatusPort = port,
            DockerHost = new Uri("tcp://127.0.0.1:1"),
            ConsulAddress = new Uri("http://127.0.0.1:1"),
        });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/healthz", Ct)).StatusCode);
        var answer = await http.GetAsync("/readyz", Ct);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Contains("Docker is not connected", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--ip [::1]:80 --deregister sometimes --resync abc", "--ip cannot be", "--deregister cannot be", "--resync cannot be")]
    [InlineData("--resinc --worse", "'--resinc'", "'--worse'")]
    [InlineData("list --docker-host tcp://127.0.0.1:1", "Docker")]
    [InlineData("--consul-http-addr 127.0.0.1:1 --retry-attempts 1", "Consul was asked 2 times at the start")]
    public async Task Process_CannotStart_EndsWithExitCode1AndALineForEachError(string arguments, params string[] errors)
    {
        var command = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "registry-sidecar.dll"), .. arguments.Split(' ')])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (var name in command.Environment.Keys.Where(IsSetting).ToArray())
            command.Environment.Remove(name);
        using var process = Process.Start(command)!;
        try
        {
            var said = await Task.WhenAll(process.StandardError.ReadToEndAsync(Ct), process.StandardOutput.ReadToEndAsync(Ct));
            await process.WaitForExitAsync(Ct);

            var lines = said[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal((1, errors.Length), (process.ExitCode, lines.Length));
            Assert.All(errors, error => Assert.Contains(lines, line => line.Contains(error, StringComparison.Ordinal)));
        }
        finally
        {
            process.Kill();
        }

        static bool IsSetting(string name) => name.StartsWith("CONSUL_", StringComparison.Ordinal) || name.StartsWith("SIDECAR_", StringComparison.Ordinal);
    }

    [Fact]
    public async Task StatusPort_Taken_IsAnErrorThatNamesIt()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var mesh = new SidecarMesh(parts);

        var error = await Assert.ThrowsAsync<StatusPortException>(() => mesh.StartSidecarAsync(options => options with { StatusPort = port }));

        Assert.Contains($"127.0.0.1:{port} cannot be opened", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_ConsulHangs_EndsWithinTwoSeconds()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with
        {
            ConsulAddress = new Uri($"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}"),
        });
        using var asked = await silent.AcceptSocketAsync(Ct);

        await mesh.StopSidecarAsync(sidecar).WaitAsync(TimeSpan.FromSeconds(2), Ct);
    }

    [Fact]
    public async Task Sidecar_ThroughAFilterOfTheDocumentedCalls_Works()
    {
        await using var docker = await FilteredDocker.StartAsync(DockerEngine.DefaultEndpoint, Ct);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        await mesh.KillAsync(container);
        await mesh.GoneAsync(service);

        Assert.Empty(docker.Refused);
        using var http = new HttpClient();
        var stop = await http.PostAsync($"http://127.0.0.1:{docker.Address.Port}/v1.41/containers/{container}/stop", content: null, Ct);
        Assert.Equal(HttpStatusCode.Forbidden, stop.StatusCode);
    }

    [Fact]
    public async Task List_RunningContainer_IsToldAndNothingIsWritten()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var output = new StringWriter();

        var code = await ListVerb.RunAsync(
            new() { ConsulAddress = parts.Address, DockerHost = DockerEngine.DefaultEndpoint, Node = mesh.Node, Environment = mesh.Environment },
            json: false,
            output,
            Ct);

        Assert.Equal(0, code);
        Assert.Matches($@"(?m)^new +{service} +{mesh.Node}:{service}:8500 .* candidate ", output.ToString());
        Assert.Empty((await parts.Client.Health.Service(service, Ct)).Response);
    }
}
