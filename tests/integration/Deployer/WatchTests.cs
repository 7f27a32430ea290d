using System.Net;
using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Releases of several moods are watched after their promotion.</summary>
[Collection(DeployerCollection.Name)]
public sealed class WatchTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private ProxiedDeployer proxied = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DeployerCommand Deployer => proxied.Command;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        proxied = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await proxied.DeployAsync("good");
        Assert.True(first.Code == ExitCode.Done, first.Output);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Watch_AReleaseThatFailsAfterItsPromotion_IsReverted()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => proxied.DeployAsync("failing", "watch: {for: 20s, error-share: 5%, minimum: 20}", args: ["--json"]));

        await AssertRevertedAsync(ended, "was promoted and reverted: observed");
        Assert.Contains("  | failing began", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.InternalServerError, status.ToString()));
        var entry = (await Deployer.HistoryAsync())[^1];
        Assert.Equal(Outcome.Reverted, entry.Outcome);
        using var told = JsonDocument.Parse(ended.Stdout);
        Assert.Equal(entry.Release.Deployment, told.RootElement.GetProperty("release").GetProperty("deployment").GetString());
        Assert.Equal(3, told.RootElement.GetProperty("tests")[0].GetProperty("passed").GetInt32());
    }

    // Its errors would never be too many: only its health can say it.
    [Theory]
    [InlineData(true, " is maintenance")]
    [InlineData(false, "no instance of it is registered any more")]
    public async Task Watch_AnInstanceThatIsPausedOrEnds_IsReverted(bool paused, string reason)
    {
        var fault = Task.CompletedTask;
        var ended = await proxied.DeployAsync("better", "watch: {for: 1m, error-share: 5%, minimum: 1000000}", onLine: line =>
        {
            if (line.StartsWith("ok  promote", StringComparison.Ordinal))
                fault = FailAsync();
        });
        await fault;

        await AssertRevertedAsync(ended, "was promoted and reverted: ");
        Assert.True(ended.Output.Contains($"{reason}. good is active again.", StringComparison.Ordinal), ended.Output);

        async Task FailAsync()
        {
            var newest = (await host.ContainersAsync(Deployer.Service)).Single(container => container.Labels[ContainerLabel.Version] == "better").ID;
            await (paused ? host.Docker.Containers.PauseContainerAsync(newest, Ct) : host.Docker.Containers.StopContainerAsync(newest, new(), Ct));
        }
    }

    [Fact]
    public async Task Watch_OneOfItsInstancesEnds_IsReverted()
    {
        var ended = await proxied.DeployAsync("better", "replicas: 2\nwatch: {for: 1m, error-share: 5%, minimum: 1000000}", onLine: line =>
        {
            if (line.StartsWith("ok  promote", StringComparison.Ordinal))
                Task.Run(EndOneAsync).GetAwaiter().GetResult();
        });

        await AssertRevertedAsync(ended, "was promoted and reverted: it has 1 of its 2 instances left");

        async Task EndOneAsync()
        {
            var newest = (await host.ContainersAsync(Deployer.Service)).First(container => container.Labels[ContainerLabel.Version] == "better").ID;
            await host.Docker.Containers.StopContainerAsync(newest, new(), Ct);
        }
    }

    [Fact]
    public async Task Watch_AReleaseThatFailsBesideAnUnfinishedSplit_LeavesTheActiveReleaseAlone()
    {
        Assert.Equal(ExitCode.Done, (await proxied.DeployAsync("better", "strategy: {ab: {share: 10%}}")).Code);

        var (ended, _) = await proxied.UnderLoadAsync(() => proxied.DeployAsync("failing", "watch: {for: 20s, error-share: 5%, minimum: 20}"));

        await AssertRevertedAsync(ended, "was promoted and reverted: observed");
    }

    [Fact]
    public async Task Watch_AFirstReleaseThatFails_StaysAndIsInTheHistory()
    {
        await using var first = await ProxiedDeployer.StartAsync(host);
        using var stop = new CancellationTokenSource();
        var load = Task.CompletedTask;
        var ended = await first.DeployAsync("failing", "watch: {for: 20s, error-share: 5%, minimum: 20}", onLine: line =>
        {
            if (line.StartsWith("ok  promote", StringComparison.Ordinal))
                load = first.Proxy.LoadAsync($"/{first.Command.Service}/work", stop.Token);
        });
        await stop.CancelAsync();
        await load;

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("It stays active, because it is the first.", ended.Output, StringComparison.Ordinal);
        Assert.Equal("failing", (await first.Command.DocumentAsync())!.Active!.Version);
        var history = await first.Command.HistoryAsync();
        Assert.Equal([Outcome.Promoted, Outcome.Unhealthy], history.Select(entry => entry.Outcome));
        Assert.Contains("does badly: observed", history[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_AReleaseThatDoesWell_Stays()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => proxied.DeployAsync("better", "watch: {for: 2s, error-share: 5%, minimum: 20}"));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal("better", (await Deployer.DocumentAsync())!.Active!.Version);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task Watch_WithoutRequests_StaysAndSaysThatNobodyCanTell()
    {
        var ended = await proxied.DeployAsync("failing", "watch: {for: 1s, error-share: 5%, minimum: 20}");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains(
            $"warning: whether {Deployer.Service} failing does well the watch could not tell: observed 0 requests against a minimum of 20", ended.Output, StringComparison.Ordinal);
    }

    private async Task AssertRevertedAsync(Ended ended, string reason)
    {
        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains(reason, ended.Output, StringComparison.Ordinal);
        var document = await Deployer.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(Deployer.Service)).Labels[ContainerLabel.Version]);
    }
}
