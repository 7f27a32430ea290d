using System.Net;
using System.Text.Json;
using ServiceMesh.Tests.Integration;
using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

[Collection(nameof(SharedMesh))]
public sealed class DeliveryTests(Mesh mesh)
{
    [Fact]
    public async Task Deploy_ANewVersionUnderLoad_FailsNoRequest()
    {
        await mesh.EnsureActiveAsync("v1");
        await using var load = Mesh.Load();

        var deployed = await Mesh.DeployAsync("v2");

        var report = await load.StopAsync();
        Assert.True(deployed.ExitCode == 0, deployed.Output);
        Assert.True(report.Sent >= 2000 && report.Failed == 0, report.ToJson());
        Assert.Equal("v2", (await mesh.ServiceAsync()).GetProperty("version").GetString());
    }

    [Fact]
    public async Task Deploy_AReleaseThatItsTestsReject_LeavesProductionAsItWas()
    {
        await mesh.EnsureActiveAsync("v2");
        var before = await mesh.TrafficAsync();
        var containers = await ContainersAsync();
        await using var load = Mesh.Load();

        var deployed = await Mesh.DeployAsync("v3");

        var report = await load.StopAsync();
        Assert.True(deployed.ExitCode == 2, $"exit code {deployed.ExitCode}:\n{deployed.Output}");
        Assert.Equal(before, await mesh.TrafficAsync());
        Assert.True(report.Failed == 0, report.ToJson());
        Assert.Equal(containers, await ContainersAsync());
        var last = (await HistoryAsync()).Last();
        Assert.Equal("Rejected", last.GetProperty("outcome").GetString());
        Assert.True(last.GetProperty("tests")[0].GetProperty("failed").GetInt32() > 0, last.GetRawText());
    }

    [Fact]
    public async Task Rollback_UnderLoad_FailsNoRequest()
    {
        await mesh.EnsureActiveAsync("v1");
        await mesh.EnsureActiveAsync("v2");
        await using var load = Mesh.Load();

        var rolledBack = await Mesh.DeployerAsync("rollback", "demo");

        var report = await load.StopAsync();
        Assert.True(rolledBack.ExitCode == 0, rolledBack.Output);
        Assert.True(report.Sent >= 2000 && report.Failed == 0, report.ToJson());
        Assert.Equal("v1", (await mesh.ServiceAsync()).GetProperty("version").GetString());
    }

    // The tests insist on the version that they are told, so they can pass only where the header leads to the candidate.
    [Fact]
    public async Task Deploy_TestsThroughTheProxy_ReachTheCandidateWhileTheActiveReleaseServes()
    {
        await mesh.EnsureActiveAsync("v1");
        await using var ends = new AsyncDisposables();
        var manifest = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".yaml");
        ends.Add(() => File.Delete(manifest));
        var text = await File.ReadAllTextAsync(Mesh.Manifest, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(manifest, text.Replace("\ntests:\n", "\ntests:\n  through: proxy\n", StringComparison.Ordinal), TestContext.Current.CancellationToken);

        var deployed = await Mesh.DeployerAsync("deploy", manifest, "--version", "v2");

        Assert.True(deployed.ExitCode == 0, deployed.Output);
        Assert.Matches(@"running .*/demo-tests against http://\S+:\d+/demo as a candidate", deployed.Output);
    }

    [Fact]
    public async Task Deploy_InterruptedBeforeThePromotion_ExitsWith130AndLeavesNothing()
    {
        await mesh.EnsureActiveAsync("v1");
        var (before, containers) = (await mesh.TrafficAsync(), await ContainersAsync());
        using var deploy = Command.Start(
            Path.Combine(Mesh.Root, "mesh"), Mesh.Settings, "deployer", "deploy", Mesh.Manifest, "--version", "v2");
        await Mesh.EventuallyAsync("a candidate is started", async () => await ContainersAsync() != containers);

        await Command.RunAsync("kill", Mesh.Settings, TimeSpan.FromSeconds(10), "-INT", deploy.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

        var ended = await deploy.EndAsync(TimeSpan.FromMinutes(1));
        Assert.True(ended.ExitCode == 130, $"exit code {ended.ExitCode}:\n{ended.Output}");
        Assert.Equal(before, await mesh.TrafficAsync());
        Assert.Equal(containers, await ContainersAsync());
    }

    [Fact]
    public async Task Requests_ThroughTheProxy_AreAnsweredByTheService()
    {
        await mesh.EnsureActiveAsync("v1");

        using var answer = await mesh.GetAsync("/demo/1");
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.InRange(json.RootElement.GetProperty("rec").GetInt32(), 0, int.MaxValue);
        var url = (await mesh.ServiceAsync()).GetProperty("url");
        Assert.Equal("demo", url.GetProperty("name").GetString());
        Assert.Matches("^http://[0-9.]+:[0-9]+$", url.GetProperty("url").GetString());
    }

    private static async Task<JsonElement[]> HistoryAsync()
    {
        var history = await Mesh.DeployerAsync("history", "demo", "--json");
        Assert.True(history.ExitCode == 0, history.Output);
        using var json = JsonDocument.Parse(history.Output);
        return [.. json.RootElement.Clone().EnumerateArray()];
    }

    private static Task<string> ContainersAsync() => Mesh.DockerAsync(
        "ps", "--filter", "label=mesh.service=demo", "--filter", $"label=mesh.environment={Mesh.Settings["MESH_NAME"]}", "--format", "{{.Names}}");
}
