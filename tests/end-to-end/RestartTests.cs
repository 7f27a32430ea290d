using Consul;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

[Collection(nameof(SharedMesh))]
public sealed class RestartTests(Mesh mesh)
{
    [Theory]
    [InlineData("consul")]
    [InlineData("sidecar")]
    public async Task Restart_OfAPartBesideTheTraffic_CostsNoRequestAndKeepsStages(string part)
    {
        await mesh.EnsureActiveAsync("v1");
        var before = await StagesAsync();
        await using var load = Mesh.Load();

        await Mesh.DockerAsync("restart", $"{Mesh.Settings["MESH_NAME"]}-{part}");
        await Mesh.EventuallyAsync($"the stages are as before the restart: {before}", async () => await StagesAsync() == before);

        var report = await load.StopAsync();
        Assert.True(report.Failed == 0, report.ToJson());
        await DeliversAgainAsync();
    }

    [Theory]
    [InlineData("sidecar")]
    [InlineData("proxy")]
    public async Task Process_OfAnOwnPart_IsNotRoots(string part)
    {
        var processes = (await Mesh.DockerAsync("top", $"{Mesh.Settings["MESH_NAME"]}-{part}", "-eo", "pid,uid")).Split('\n')[1..];

        Assert.NotEmpty(processes);
        Assert.All(processes, process => Assert.NotEqual("0", process.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1]));
    }

    [Theory]
    [InlineData("sidecar")]
    [InlineData("proxy")]
    public async Task Stop_OfAnOwnPart_IsInGoodOrder(string part)
    {
        await mesh.EnsureActiveAsync("v1");
        var before = await mesh.TrafficAsync();
        var container = $"{Mesh.Settings["MESH_NAME"]}-{part}";
        await Mesh.DockerAsync("stop", container);
        try
        {
            Assert.Equal("0", (await Mesh.DockerAsync("inspect", "--format", "{{.State.ExitCode}}", container)));
        }
        finally
        {
            await Mesh.DockerAsync("start", container);
        }

        await Mesh.EventuallyAsync("the proxy serves as before", async () => await mesh.TrafficAsync() == before);
    }

    [Fact]
    public async Task Restart_OfTheProxy_ServesAgainByItself()
    {
        await mesh.EnsureActiveAsync("v1");
        var before = await mesh.TrafficAsync();

        await Mesh.DockerAsync("restart", $"{Mesh.Settings["MESH_NAME"]}-proxy");

        await Mesh.EventuallyAsync("the proxy serves as before", async () => await mesh.TrafficAsync() == before);
        using var answer = await mesh.GetAsync("/demo/1");
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}");
    }

    [Fact]
    public async Task Start_OfTheProxyWithoutConsul_ServesFromTheLastGoodState()
    {
        await mesh.EnsureActiveAsync("v1");
        var (name, before) = (Mesh.Settings["MESH_NAME"], await mesh.TrafficAsync());
        await Mesh.DockerAsync("stop", $"{name}-consul");
        try
        {
            await Mesh.DockerAsync("restart", $"{name}-proxy");

            await Mesh.EventuallyAsync("the proxy serves as before", async () => await mesh.TrafficAsync() == before);
            using var answer = await mesh.GetAsync("/demo/1");
            Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}");
            var deployed = await Mesh.DeployAsync("v2");
            Assert.True(deployed.ExitCode == 5, $"exit code {deployed.ExitCode}:\n{deployed.Output}");
        }
        finally
        {
            await Mesh.DockerAsync("start", $"{name}-consul");
        }

        await DeliversAgainAsync();
    }

    private async Task DeliversAgainAsync()
    {
        await Mesh.EventuallyAsync("all of the service passes", async () =>
            (await mesh.Consul.Health.Service("demo", StageTag.Of(Stage.Active), passingOnly: true)).Response.Length == 2);
        await Mesh.Succeed(Mesh.DeployAsync("v1"));
    }

    private async Task<string> StagesAsync()
    {
        var entries = (await mesh.Consul.Health.Service("demo")).Response;
        return string.Join(' ', entries
            .Select(entry => $"{entry.Service.ID}={string.Join(',', entry.Service.Tags)}={entry.Checks.AggregatedStatus().Status}")
            .Order(StringComparer.Ordinal));
    }
}
