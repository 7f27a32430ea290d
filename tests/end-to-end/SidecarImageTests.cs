using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Consul;
using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

/// <summary>The sidecar as it is shipped. Its other tests run it in .NET's runtime; in the image it is native code, without reflection.</summary>
[Collection(nameof(SharedMesh))]
public sealed partial class SidecarImageTests(Mesh mesh)
{
    private const string Image = "mesh/registry-sidecar:dev";
    private const string Environment = "image-test";

    [Fact]
    public async Task Image_IsLittleMoreThanItsBase()
    {
        const int most = 25 * 1024 * 1024;

        var layers = (await Mesh.DockerAsync("history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", Image)).Split('\n');

        // The latest come first, and the first of ours is the folder.
        var own = layers.TakeWhile(layer => !layer.Contains("WORKDIR /app", StringComparison.Ordinal)).Sum(layer => long.Parse(layer.Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.InRange(own, 1, most);
    }

    [Fact]
    public async Task Run_WithEveryKindOfCheckAndAllPages_DoesWhatTheReadmeSays()
    {
        var (container, sidecar) = ($"{Mesh.Settings["MESH_NAME"]}-checked", $"{Mesh.Settings["MESH_NAME"]}-image");
        var status = FreePort.Next();
        using var http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{status}")) };
        try
        {
            await RunSidecarAsync(sidecar, status);
            await Mesh.EventuallyAsync("it is ready", async () => await http.GetStringAsync("/readyz") == """{"status":"ready"}""");
            await RunCheckedAsync(container);

            await Mesh.EventuallyAsync("all checks are registered, and the HEALTHCHECK's passes", async () =>
                (await mesh.Consul.Health.Checks("checked", TestContext.Current.CancellationToken)).Response is var checks
                && checks.Select(check => check.Type).Order(StringComparer.Ordinal).SequenceEqual(["grpc", "http", "tcp", "ttl", "ttl"])
                && checks.Any(check => check.CheckID.StartsWith("mesh:healthcheck:", StringComparison.Ordinal) && check.Status == HealthStatus.Passing));
            await AssertPagesAsync(http);
            await AssertListAsync(sidecar);

            await Mesh.DockerAsync("stop", sidecar);
            Assert.Equal("0", await Mesh.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", sidecar));
            Assert.Empty((await mesh.Consul.Catalog.Service("checked", TestContext.Current.CancellationToken)).Response);
            AssertLog(await Mesh.DockerAsync("logs", sidecar));
        }
        finally
        {
            await Mesh.DockerAsync("rm", "--force", sidecar, container);
        }
    }

    [Fact]
    public async Task Run_WithWrongSettings_NamesThemAll()
    {
        var result = await Command.RunAsync("docker", Mesh.Settings, TimeSpan.FromMinutes(1), ["run", "--rm", Image, "--resync", "soon", "--tags", "{{.Nothing}}"]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("--resync cannot be 'soon'", result.Output, StringComparison.Ordinal);
        Assert.Contains("'{{.Nothing}}' is no placeholder", result.Output, StringComparison.Ordinal);
    }

    private static Task<string> RunCheckedAsync(string container) => Mesh.DockerAsync(
        "run", "--detach", "--name", container, "--label", "mesh.test", "--label", $"mesh.environment={Environment}",
        "--publish", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort.Next()}:80"),
        "--health-cmd", "true", "--health-interval", "1s",
        "--label", "SERVICE_NAME=checked", "--label", "SERVICE_CHECK_HTTP=/health", "--label", "SERVICE_CHECK_TCP=true",
        "--label", "SERVICE_CHECK_GRPC=true", "--label", "SERVICE_CHECK_TTL=60s", "--label", """SERVICE_CHECK_HEADER={"Accept":["text/plain"]}""",
        "--entrypoint", "sleep", "hashicorp/consul:1.21", "300");

    private static async Task RunSidecarAsync(string sidecar, int status)
    {
        var own = $"{Mesh.Settings["MESH_NAME"]}-sidecar";
        var socket = await Mesh.DockerAsync("inspect", "--format", "{{index .HostConfig.Binds 0}}", own);
        var group = await Mesh.DockerAsync("inspect", "--format", "{{index .HostConfig.GroupAdd 0}}", own);
        await Mesh.DockerAsync(
            "run", "--detach", "--name", sidecar, "--label", "mesh.test", "--network", "host", "--volume", socket, "--group-add", group,
            "--env", $"CONSUL_HTTP_ADDR={Mesh.ConsulAddress}", "--env", $"SIDECAR_ENVIRONMENT={Environment}", "--env", "SIDECAR_NODE=image-test",
            "--env", "SIDECAR_IP=127.0.0.1", "--env", "SIDECAR_RESYNC=1s", "--env", "SIDECAR_EXPLICIT=true",
            Image, "--log-format", "json", "--on-exit", "deregister", "--status-port", status.ToString(CultureInfo.InvariantCulture));
    }

    private static async Task AssertPagesAsync(HttpClient http)
    {
        Assert.Equal("""{"status":"healthy"}""", await http.GetStringAsync("/healthz", TestContext.Current.CancellationToken));
        var metrics = await http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        var documented = MetricName().Matches(await File.ReadAllTextAsync(Path.Combine(Mesh.Root, "registry-sidecar", "README.md"), TestContext.Current.CancellationToken));
        Assert.NotEmpty(documented);
        Assert.All(documented.Select(name => name.Value).Distinct(StringComparer.Ordinal), name => Assert.Contains(name, metrics, StringComparison.Ordinal));
    }

    private static async Task AssertListAsync(string sidecar)
    {
        var table = await Mesh.DockerAsync("exec", sidecar, "/app/registry-sidecar", "list");
        Assert.Contains("Node image-test, mesh image-test: 1 to be registered.", table, StringComparison.Ordinal);
        using var list = JsonDocument.Parse(await Mesh.DockerAsync("exec", sidecar, "/app/registry-sidecar", "list", "--json"));
        var instance = Assert.Single(list.RootElement.GetProperty("instances").EnumerateArray());
        Assert.Equal(("checked", "registered", 5), (instance.GetProperty("service").GetString(), instance.GetProperty("state").GetString(), instance.GetProperty("checks").GetArrayLength()));
    }

    private static void AssertLog(string log)
    {
        var messages = log.Split('\n').Select(line => JsonDocument.Parse(line).RootElement.GetProperty("Message").GetString()!).ToList();
        Assert.Contains(messages, message => message.StartsWith("Registered image-test:", StringComparison.Ordinal));
        Assert.Contains(messages, message => message.StartsWith("Deregistered image-test:", StringComparison.Ordinal));
    }

    [GeneratedRegex("mesh_sidecar_[a-z_]+")]
    private static partial Regex MetricName();
}
