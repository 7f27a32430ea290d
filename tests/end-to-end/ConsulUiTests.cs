using System.Globalization;
using Consul;
using Microsoft.Playwright;
using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

[Collection(nameof(SharedMesh))]
public sealed class ConsulUiTests(Mesh mesh)
{
    [Fact]
    public async Task ServicePage_InARealBrowser_ShowsActiveAndCandidate()
    {
        await mesh.EnsureActiveAsync("v1");
        var name = Mesh.Settings["MESH_NAME"];
        await Mesh.DockerAsync(
            "run", "--detach", "--name", $"{name}-by-hand", "--label", $"mesh.environment={name}", "--label", "SERVICE_NAME=demo",
            "--publish", "127.0.0.1::8080", "localhost:15000/demo:v2");
        try
        {
            await Mesh.EventuallyAsync("the container started by hand is a candidate", async () =>
                (await mesh.Consul.Health.Service("demo", StageTag.Of(Stage.Candidate))).Response.Length == 1);

            var tags = await WordsShownAsync(new Uri(Mesh.ConsulAddress, "/ui/dc1/services/demo/instances"));

            Assert.Equal(2, tags.Count(tag => tag == StageTag.Of(Stage.Active)));
            Assert.Equal(1, tags.Count(tag => tag == StageTag.Of(Stage.Candidate)));
        }
        finally
        {
            await Mesh.DockerAsync("rm", "--force", $"{name}-by-hand");
        }
    }

    [Fact]
    public async Task ServicePage_ContainerWithRegistratorsSettings_IsShownUntilItIsToldToStop()
    {
        var container = $"{Mesh.Settings["MESH_NAME"]}-nginx.0";
        var (securePort, plainPort) = (FreePort.Next(), FreePort.Next());
        await RunNginxAsync(container, securePort, plainPort);
        try
        {
            await Mesh.EventuallyAsync("both ports are registered", async () =>
                (await ServicesAsync("https")).Length == 1 && (await ServicesAsync("http")).Length == 1);
            var (https, http) = ((await ServicesAsync("https"))[0], (await ServicesAsync("http"))[0]);
            Assert.Equal("https.12345", https.ServiceID);
            Assert.Equal("enabled", https.ServiceMeta["sni"]);
            Assert.EndsWith($":{container}:80", http.ServiceID, StringComparison.Ordinal);
            Assert.Equal((securePort, plainPort), (https.ServicePort, http.ServicePort));
            foreach (var service in (CatalogService[])[https, http])
            {
                Assert.Equal(["candidate", "www"], service.ServiceTags);
                var shown = await WordsShownAsync(new Uri(Mesh.ConsulAddress, $"/ui/dc1/services/{service.ServiceName}/instances"));
                Assert.Superset(
                    new HashSet<string> { "candidate", "www", service.ServiceID, $"{service.ServiceAddress}:{service.ServicePort}" }, shown.ToHashSet(StringComparer.Ordinal));
            }

            var before = (await mesh.Consul.Catalog.Service("https", TestContext.Current.CancellationToken)).LastIndex;
            await Mesh.DockerAsync("kill", "--signal", "HUP", container);
            await AssertUnchangedAsync("https", before);

            var stopping = Mesh.DockerAsync("stop", "--time", "8", container);
            await Mesh.EventuallyAsync("it is out", async () =>
                (await ServicesAsync("https")).Length == 0 && (await ServicesAsync("http")).Length == 0, TimeSpan.FromSeconds(5));
            Assert.Equal("true", await Mesh.DockerAsync("inspect", "--format", "{{.State.Running}}", container));
            await stopping;
        }
        finally
        {
            await Mesh.DockerAsync("rm", "--force", container);
        }
    }

    /// <summary>Stands in for nginx: it has its ports, and neither ends at HUP nor at TERM.</summary>
    private static Task<string> RunNginxAsync(string container, int securePort, int plainPort) => Mesh.DockerAsync(
        "run", "--detach", "--name", container, "--label", $"mesh.environment={Mesh.Settings["MESH_NAME"]}",
        "--publish", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{securePort}:443"),
        "--publish", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{plainPort}:80"),
        "--label", "SERVICE_443_NAME=https", "--label", "SERVICE_443_ID=https.12345", "--label", "SERVICE_443_SNI=enabled",
        "--label", "SERVICE_80_NAME=http", "--label", "SERVICE_TAGS=www", "--label", "SERVICE_CHECK_TCP=false",
        "--entrypoint", "sh", "hashicorp/consul:1.21", "-c", "trap '' HUP TERM; sleep 300");

    private async Task<CatalogService[]> ServicesAsync(string service) => (await mesh.Consul.Catalog.Service(service)).Response;

    private async Task AssertUnchangedAsync(string service, ulong index)
    {
        var later = await mesh.Consul.Catalog.Service(service, "", new QueryOptions { WaitIndex = index, WaitTime = TimeSpan.FromSeconds(2) });
        Assert.Equal(index, later.LastIndex);
        Assert.Single(later.Response);
    }

    private static async Task<string[]> WordsShownAsync(Uri page)
    {
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM"),
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
            ],
        });
        var tab = await browser.NewPageAsync();
        await tab.GotoAsync(page.ToString());
        await tab.GetByText(StageTag.Of(Stage.Candidate), new() { Exact = true }).First.WaitForAsync(new() { Timeout = 30_000 });
        var shown = await tab.Locator("body").InnerTextAsync();
        return [.. shown.Split(['\n', ' ', '\t', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }
}
