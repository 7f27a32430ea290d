using Docker.DotNet.Models;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>What becomes of the container of tests, and what they print, is no trouble of the deployer's.</summary>
[Collection(DeployerCollection.Name)]
public sealed class TestsContainerTests(DeployerFixture host) : IAsyncDisposable
{
    private const string Variable = "MESH_TESTS_TALKATIVE_TOKEN";
    private const string Secret = "correct-horse-battery";

    private readonly DeployerCommand deployer = new(host);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        return deployer.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Deploy_SomebodyEndsItsTests_IsARejection(bool removed)
    {
        var end = Task.CompletedTask;
        var ended = await deployer.DeployAsync("v1", "hang", change: "timeout: 20s=>timeout: 10m", onLine: line =>
        {
            if (line == "  | hanging")
                end = EndAsync();
        });
        await end;

        Assert.True(ended.Code == ExitCode.Rejected, ended.Output);
        Assert.Contains("they were killed, or their container was removed (exit code 137).", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
        var run = Assert.Single((await deployer.HistoryAsync())[^1].Tests);
        Assert.Equal((137, "hanging"), (run.ExitCode, run.LogTail));

        async Task EndAsync()
        {
            var tests = (await host.ContainersAsync(deployer.Service)).Single(container => container.Labels.ContainsKey(ContainerLabel.Tests)).ID;
            await (removed
                ? host.Docker.Containers.RemoveContainerAsync(tests, new ContainerRemoveParameters { Force = true }, Ct)
                : host.Docker.Containers.KillContainerAsync(tests, new ContainerKillParameters { Signal = "KILL" }, Ct));
        }
    }

    [Fact]
    public async Task Deploy_TestsThatPrintTenMegabytesOfLines_AreToldWithoutTheSecretInEach()
    {
        Environment.SetEnvironmentVariable(Variable, Secret);

        var ended = await deployer.DeployAsync("v1", "talkative", change: $"timeout: 20s=>secrets: {{TOKEN: {{env: {Variable}}}}}");

        Assert.True(ended.Code == ExitCode.Done, ended.Output.Length > 4000 ? ended.Output[^4000..] : ended.Output);
        Assert.Equal(300_000, ended.Output.Split('\n').Count(line => line == "  | my token is ***"));
        Assert.False(ended.Output.Contains(Secret, StringComparison.Ordinal));
        var tail = (await deployer.HistoryAsync())[0].Tests[0].LogTail.Split('\n');
        Assert.Equal([.. Enumerable.Repeat("my token is ***", 99), "1 passed, 0 failed"], tail);
    }
}
