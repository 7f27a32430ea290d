using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class SuitesTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Theory]
    [InlineData("pass", "pass", 0, "smoke 3/0, load 3/0")]
    [InlineData("pass", "fail", 2, "smoke 3/0, load 2/1")]
    [InlineData("fail", "pass", 2, "smoke 2/1")]
    public async Task Deploy_TwoSuites_RunInTurnAndAreBothInTheHistory(string smoke, string load, int code, string runs)
    {
        var ended = await deployer.DeployAsync(
            "v1",
            change: $"image: {host.Registry}/tests:pass\n  timeout: 20s=>[{{name: smoke, image: \"{host.Registry}/tests:{smoke}\"}}, {{name: load, image: \"{host.Registry}/tests:{load}\"}}]");

        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Equal(
            runs, string.Join(", ", Assert.Single(await deployer.HistoryAsync()).Tests.Select(run => $"{run.Suite} {run.Passed}/{run.Failed}")));
        if (code != 0)
            Assert.Contains($"was rejected by its {(smoke == "fail" ? "smoke" : "load")} tests: 2 passed, 1 failed", ended.Output, StringComparison.Ordinal);
    }
}
