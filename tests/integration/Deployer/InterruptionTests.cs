using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class InterruptionTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Theory]
    [InlineData("lock")]
    [InlineData("pull")]
    [InlineData("start")]
    [InlineData("healthy")]
    [InlineData("hanging")]
    public async Task Deploy_InterruptedAfterAPhase_LeavesNothingBehind(string phase)
    {
        using var interruption = new CancellationTokenSource();
        var ended = await deployer.DeployAsync("v1", "hang", interruption: interruption, onLine: line =>
        {
            if (line.StartsWith($"ok  {phase}", StringComparison.Ordinal) || line == $"  | {phase}")
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.Contains("interrupted; production is unchanged", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_InterruptedInTheTests_IsInTheHistory()
    {
        using var interruption = new CancellationTokenSource();
        await deployer.DeployAsync("v1", "hang", interruption: interruption, onLine: line =>
        {
            if (line == "  | hanging")
                interruption.Cancel();
        });

        var entry = Assert.Single(await deployer.HistoryAsync());
        Assert.Equal((Outcome.Aborted, "interrupted; production is unchanged. Run this again."), (entry.Outcome, entry.Reason));
    }

    [Fact]
    public async Task Deploy_InterruptedAfterThePromotion_SaysThatProductionChanged()
    {
        using var interruption = new CancellationTokenSource();
        var ended = await deployer.DeployAsync("v1", interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  promote", StringComparison.Ordinal))
                interruption.Cancel();
        });

        Assert.Equal(ExitCode.Done, ended.Code);
        Assert.Contains($"interrupted after the promotion: production is on {deployer.Service} v1", ended.Output, StringComparison.Ordinal);
        Assert.Equal("v1", (await deployer.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Rollback_InterruptedAfterItsStart_StopsWhatItStarted()
    {
        await deployer.DeployAsync("v1");
        await deployer.DeployAsync("v2");
        using var interruption = new CancellationTokenSource();
        var ended = await deployer.RunAsync(["rollback", deployer.Service], interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  start", StringComparison.Ordinal))
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.Equal("v2", (await deployer.DocumentAsync())!.Active!.Version);
        Assert.Equal(
            ["exited v1", "running v2"],
            (await host.ContainersAsync(deployer.Service)).Select(container => $"{container.State} {container.Labels["mesh.version"]}").Order());
        var entry = (await deployer.HistoryAsync())[^1];
        Assert.Equal(("rollback", "v1", Outcome.Aborted), (entry.Action, entry.Release.Version, entry.Outcome));
    }

    [Fact]
    public async Task Deploy_ItsLockIsTaken_EndsWithoutAPromotion()
    {
        var ct = TestContext.Current.CancellationToken;
        var theft = Task.CompletedTask;
        var ended = await deployer.DeployAsync("v1", "hang", onLine: line =>
        {
            if (line == "  | hanging")
                theft = DestroySessionAsync(ct);
        });
        await theft;

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains($"the lock of {deployer.Service} was lost", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_LockedByAnother_NamesWhoSinceWhenAndWhy()
    {
        var since = new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
        await using var held = await deployer.Locks.TryAcquireAsync(
            deployer.Service, new LockHolder("ann@cd1", "deploy of v7", since), TestContext.Current.CancellationToken);

        var ended = await deployer.DeployAsync("v1");

        Assert.Equal(ExitCode.Locked, ended.Code);
        Assert.Contains($"{deployer.Service} is locked by ann@cd1 since 2026-01-31 12:00:00 UTC for: deploy of v7.", ended.Output, StringComparison.Ordinal);
        Assert.Empty(await host.ContainersAsync(deployer.Service));
    }

    [Fact]
    public async Task Deploy_TwoAtOnce_OneWinsAndTheOtherIsLockedOut()
    {
        var other = Task.FromResult(new Ended(ExitCode.Done, ""));
        var first = await deployer.DeployAsync("v1", onLine: line =>
        {
            if (line.StartsWith("ok  start", StringComparison.Ordinal))
                other = deployer.RunAsync(["rollback", deployer.Service]);
        });

        Assert.True(first.Code == ExitCode.Done, first.Output);
        Assert.Equal(ExitCode.Locked, (await other).Code);
    }

    private async Task DestroySessionAsync(CancellationToken ct)
    {
        var held = (await host.Consul.KV.Get($"mesh/locks/{deployer.Service}", ct)).Response;
        await host.Consul.Session.Destroy(held!.Session!, ct);
    }
}
