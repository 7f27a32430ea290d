using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar.DryRun;
using ServiceMesh.RegistrySidecar.Operation;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What an operator sees and does: the status port, the dry run, the filter in front of Docker's socket.</summary>
public sealed class OperationTests(SidecarConsul parts)
{
    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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

    [Fact]
    public async Task StatusPort_AgentTakesNoScriptChecks_IsReadyForThatIsTheContainersOwnAffair()
    {
        await using var mesh = new SidecarMesh(parts);
        var port = FreePort.Next();
        foreach (var name in (string[])["one", "two"])
            await mesh.RunAsync(name, [$"SERVICE_NAME={mesh.Named(name)}", "SERVICE_CHECK_SCRIPT=true"]);
        await mesh.StartSidecarAsync(options => options with { StatusPort = port, EnableScriptChecks = true });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        // Both are refused in the first pass.
        await Until.TrueAsync(async () => Regex.IsMatch(await http.GetStringAsync("/metrics", Ct), @"(?m)^mesh_sidecar_failures_total\{[^}]*kind=""consul_server""[^}]*\} ([3-9]|\d\d)"));

        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/readyz", Ct)).StatusCode);
    }

    [Theory]
    [InlineData("--ip [::1]:80 --deregister sometimes --resync abc", "", "--ip cannot be", "--deregister cannot be", "--resync cannot be")]
    [InlineData("--resinc --worse", "", "'--resinc'", "'--worse'")]
    [InlineData("list --docker-host tcp://127.0.0.1:1", "", "Docker")]
    [InlineData("--consul-http-addr 127.0.0.1:1 --retry-attempts 1", "", "Consul was asked 2 times at the start")]
    [InlineData("--consul-http-addr 127.0.0.1:1 --retry-attempts 0", "CONSUL_HTTP_ADDR=unix:///x", "Consul was asked 1 times at the start: GET http://127.0.0.1:1/")]
    [InlineData(
        "list --ip a|b",
        "CONSUL_HTTP_ADDR=unix:///x CONSUL_HTTP_SSL=perhaps CONSUL_HTTP_SSL_VERIFY=perhaps CONSUL_CACERT=/nope CONSUL_HTTP_TOKEN_FILE=/nope2 CONSUL_CLIENT_KEY=/nope3 "
            + "DOCKER_HOST=nonsense DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/nope4",
        "--ip cannot be", "CONSUL_HTTP_ADDR 'unix:///x'", "CONSUL_HTTP_SSL 'perhaps'", "CONSUL_HTTP_SSL_VERIFY 'perhaps'", "CONSUL_CACERT: /nope ", "CONSUL_HTTP_TOKEN_FILE '/nope2'",
        "(/nope3) needs its certificate", "Docker's address (DOCKER_HOST", "DOCKER_TLS_VERIFY is set: /nope4/ca.pem")]
    [InlineData("", "DOCKER_HOST=ssh://host", "Docker's address (DOCKER_HOST")]
    [InlineData("", "DOCKER_HOST=host:2375", "Docker's address (DOCKER_HOST")]
    [InlineData("list", "DOCKER_CONTEXT=nope", "The Docker context 'nope' does not exist")]
    [InlineData("list --docker-host tcp://127.0.0.1:1", "DOCKER_HOST=nonsense", "Docker at tcp://127.0.0.1:1/")]
    public async Task Process_CannotStart_EndsWithExitCode1AndALineForEachError(string arguments, string variables, params string[] errors)
    {
        using var process = Start(arguments, variables);
        try
        {
            var said = await Task.WhenAll(process.StandardError.ReadToEndAsync(Ct), process.StandardOutput.ReadToEndAsync(Ct));
            await process.WaitForExitAsync(Ct);

            var lines = said[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.True((process.ExitCode, lines.Length) == (1, errors.Length), $"exit code {process.ExitCode}: {said[0]}");
            Assert.All(errors, error => Assert.Contains(lines, line => line.Contains(error, StringComparison.Ordinal)));
        }
        finally
        {
            process.Kill();
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("<html>")]
    public async Task List_WhatAnswersIsNoDocker_SaysSo(string version)
    {
        using var listener = new HttpListener();
        var address = $"127.0.0.1:{FreePort.Next()}";
        listener.Prefixes.Add($"http://{address}/");
        listener.Start();
        var answering = AnswerAsync();

        var error = await Assert.ThrowsAsync<PreviewException>(
            () => ListVerb.RunAsync(new() { DockerHost = new Uri($"tcp://{address}") }, json: false, TextWriter.Null, Ct));

        await answering;
        Assert.Contains($"Docker at tcp://{address}/ cannot be reached", error.Message, StringComparison.Ordinal);

        async Task AnswerAsync()
        {
            var asked = await listener.GetContextAsync();
            asked.Response.ContentType = "application/json";
            asked.Response.Close(System.Text.Encoding.UTF8.GetBytes(version), willBlock: false);
        }
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
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{docker.Address.Port}") };
        // Nothing but a GET, and nothing but what is asked for.
        (HttpMethod Method, string Path)[] refused =
        [
            (HttpMethod.Post, $"/containers/{container}/stop"), (HttpMethod.Post, "/containers/json"), (HttpMethod.Delete, $"/containers/{container}/json"), (HttpMethod.Get, "/images/json"),
        ];
        foreach (var (method, path) in refused)
        {
            using var answer = await http.SendAsync(new HttpRequestMessage(method, $"/v1.41{path}"), Ct);
            Assert.Equal((method, path, HttpStatusCode.Forbidden), (method, path, answer.StatusCode));
        }
    }

    [Fact]
    public async Task Process_TerminatedWhileItAsksForConsul_EndsInOrder()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var process = Start($"--consul-http-addr {silent.LocalEndpoint} --retry-attempts 1000");
        try
        {
            using var asked = await silent.AcceptSocketAsync(Ct);
            using var kill = Process.Start("kill", ["-s", "TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync(Ct).WaitAsync(TimeSpan.FromSeconds(20), Ct);

            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
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

    [Fact]
    public async Task List_AsJson_IsForProgramsToRead()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_TAGS=a,\"b\"", "SERVICE_CHECK_HTTP=/health", "SERVICE_CHECK_TIMEOUT=soon"]);
        await mesh.RunAsync("udp", [$"SERVICE_NAME={service}", "SERVICE_IGNORE=true"]);
        var output = new StringWriter();

        await ListVerb.RunAsync(
            new() { ConsulAddress = parts.Address, DockerHost = DockerEngine.DefaultEndpoint, Node = mesh.Node, Environment = mesh.Environment, Ip = "192.0.2.1" },
            json: true,
            output,
            Ct);

        using var document = JsonDocument.Parse(output.ToString());
        var root = document.RootElement;
        Assert.Equal(
            ["node", "environment", "consulFault", "instances", "leftOut", "warnings", "conflicts"],
            root.EnumerateObject().Select(member => member.Name));
        Assert.Equal((mesh.Node, mesh.Environment, JsonValueKind.Null), (root.GetProperty("node").GetString(), root.GetProperty("environment").GetString(), root.GetProperty("consulFault").ValueKind));
        var instance = Assert.Single(root.GetProperty("instances").EnumerateArray(), one => one.GetProperty("service").GetString() == service);
        var port = instance.GetProperty("port").GetInt32();
        Assert.Equal(
            $$"""{"state":"new","service":"{{service}}","id":"{{mesh.Node}}:{{service}}:8500","address":"192.0.2.1","port":{{port}},"stage":"candidate","tags":["a","\"b\""],"checks":["GET http://192.0.2.1:{{port}}/health every 10s"],"container":"{{service}}"}""",
            JsonSerializer.Serialize(instance, Unescaped));
        Assert.Contains(root.GetProperty("leftOut").EnumerateArray(), remark => remark.GetProperty("container").GetString() == mesh.Named("udp") && remark.GetProperty("text").GetString() == "port 8500/tcp is to be ignored");
        Assert.Contains(root.GetProperty("warnings").EnumerateArray(), remark => remark.GetProperty("text").GetString()!.Contains("SERVICE_CHECK_TIMEOUT", StringComparison.Ordinal));
        Assert.Empty(root.GetProperty("conflicts").EnumerateArray());
    }

    /// <summary>Starts the sidecar as a process of its own, with none of this one's settings.</summary>
    /// <param name="arguments">Its arguments, with a bar for a space within one.</param>
    /// <param name="variables">Its environment variables.</param>
    /// <param name="folder">Where it is started from; by default beside this program, whose appsettings.json lets it warn only.</param>
    internal static Process Start(string arguments, string variables = "", string? folder = null)
    {
        string[] words = [.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Replace('|', ' '))];
        var command = new ProcessStartInfo("dotnet", [Path.Combine(folder ?? AppContext.BaseDirectory, "registry-sidecar.dll"), .. words])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        foreach (var name in command.Environment.Keys.Where(IsSetting).ToArray())
            command.Environment.Remove(name);
        foreach (var variable in variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(variable => variable.Split('=')))
            command.Environment[variable[0]] = variable[1];
        return Process.Start(command)!;

        static bool IsSetting(string name) => ((string[])["CONSUL_", "SIDECAR_", "DOCKER_"]).Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));
    }
}
