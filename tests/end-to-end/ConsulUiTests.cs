using Microsoft.Playwright;
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

            var tags = await TagsShownAsync(new Uri(Mesh.ConsulAddress, "/ui/dc1/services/demo/instances"));

            Assert.Equal(2, tags.Count(tag => tag == StageTag.Of(Stage.Active)));
            Assert.Equal(1, tags.Count(tag => tag == StageTag.Of(Stage.Candidate)));
        }
        finally
        {
            await Mesh.DockerAsync("rm", "--force", $"{name}-by-hand");
        }
    }

    private static async Task<string[]> TagsShownAsync(Uri page)
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
