using Xunit;

namespace ServiceMesh.Tests.EndToEnd;

[Collection(nameof(SharedMesh))]
public sealed class ProxyUpgradeTests(Mesh mesh)
{
    private static readonly string Container = $"{Mesh.Settings["MESH_NAME"]}-proxy";

    [Fact]
    public async Task Upgrade_UnderLoad_FailsNoRequestAndUpKeepsTheNewProxy()
    {
        await mesh.EnsureActiveAsync("v1");
        var (before, traffic) = (await IdAsync(), await mesh.TrafficAsync());
        await using var load = Mesh.Load();

        await Mesh.Succeed(UpgradeAsync());
        var after = await IdAsync();
        await Mesh.Succeed(UpgradeAsync());

        var report = await load.StopAsync();
        Assert.True(report.Sent >= 2000 && report.Failed == 0, report.ToJson());
        Assert.Equal(3, new[] { before, after, await IdAsync() }.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(traffic, await mesh.TrafficAsync());
        var kept = await IdAsync();
        await Mesh.Succeed(Mesh.RunMeshAsync(TimeSpan.FromMinutes(5), "up"));
        Assert.Equal(kept, await IdAsync());
        await Mesh.Succeed(Mesh.DeployAsync("v1"));
    }

    [Fact]
    public async Task Upgrade_WhoseNewProxyDiesBeforeItServes_LeavesTheEarlierOneServing()
    {
        await mesh.EnsureActiveAsync("v1");
        var before = await IdAsync();
        await using var load = Mesh.Load();

        var upgrade = UpgradeAsync();
        await Mesh.EventuallyAsync("the new proxy is killed", async () =>
            (await Command.RunAsync("docker", Mesh.Settings, TimeSpan.FromSeconds(10), "kill", $"{Container}-next")).ExitCode == 0,
            TimeSpan.FromMinutes(3));
        var ended = await upgrade;

        Assert.True(ended.ExitCode == 1, $"exit code {ended.ExitCode}:\n{ended.Output}");
        Assert.Contains("the earlier one serves on", ended.Output, StringComparison.Ordinal);
        var report = await load.StopAsync();
        Assert.True(report.Failed == 0, report.ToJson());
        Assert.Equal(before, await IdAsync());
        Assert.Equal("running unless-stopped", await Mesh.DockerAsync(
            "container", "inspect", "--format", "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}", Container));
        Assert.Equal("", await Mesh.DockerAsync("ps", "--all", "--quiet", "--filter", $"name={Container}-next"));
    }

    private static Task<CommandResult> UpgradeAsync() => Mesh.RunMeshAsync(TimeSpan.FromMinutes(5), "proxy", "upgrade");

    private static Task<string> IdAsync() => Mesh.DockerAsync("container", "inspect", "--format", "{{.Id}}", Container);
}
