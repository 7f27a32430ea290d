using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A <c>scale</c> that is interrupted when its new replicas are healthy: they serve by then, although no document tells of them.</summary>
[Collection(DeployerCollection.Name)]
public sealed class ScaleUndoTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Scale_UndoneAfterOneThatTookReplicasOut_LeavesThemOut()
    {
        var first = await deployer.DeployAsync("v1", more: "replicas: 3");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var fewer = await InterruptedAsync("ok  change", "1");
        Assert.True(fewer.Code == ExitCode.Done, fewer.Output);
        var left = (await deployer.DocumentAsync())!.Leaving!;
        Assert.Equal(2, left.Count);

        var ended = await InterruptedAsync("ok  healthy", "4");

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.Superset(left.ToHashSet(), (await deployer.DocumentAsync())!.Leaving!.ToHashSet());
        Assert.Equal(3, await RunningAsync());
    }

    // By whoever has the lock then they may be wanted.
    [Fact]
    public async Task Scale_ItsLockIsLostInItsLastLook_RemovesNothing()
    {
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v1")).Code);
        var (looks, isUndone) = (0, false);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        // Of what is registered it is told before the new replica leaves, after that, and directly before it would end.
        front.Before = async context =>
        {
            if (Volatile.Read(ref isUndone) && context.Request.Path == $"/v1/health/service/{deployer.Service}" && Interlocked.Increment(ref looks) == 3)
                await deployer.Locks.BreakAsync(deployer.Service, TestContext.Current.CancellationToken);
        };

        var ended = await InterruptedAsync("ok  healthy", "2", front, () => Volatile.Write(ref isUndone, true));

        Assert.True(ended.Code is ExitCode.Locked or ExitCode.Unreachable, ended.Output);
        Assert.Contains($"warning: the new replicas could not be removed (the lock of {deployer.Service} was lost", ended.Output, StringComparison.Ordinal);
        Assert.Contains($" may serve. 'deployer scale {deployer.Service} <n>' makes more or fewer", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("production is unchanged", ended.Output, StringComparison.Ordinal);
        Assert.Equal(2, await RunningAsync());
    }

    [Fact]
    public async Task Scale_ItCannotBeUndone_SaysThatTheNewReplicaMayServe()
    {
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v1")).Code);
        var isUndone = false;
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress, context => Volatile.Read(ref isUndone) && context.Request.Path == "/v1/txn" ? Loss.Refused : Loss.Nothing);

        var ended = await InterruptedAsync("ok  healthy", "2", front, () => Volatile.Write(ref isUndone, true));

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        var started = (await host.ContainersAsync(deployer.Service)).Select(container => container.Names[0][1..]).Max(StringComparer.Ordinal);
        Assert.Contains(
            $"error: interrupted. This could not be undone: {started} may serve. 'deployer scale {deployer.Service} <n>' makes more or fewer, 'deployer status {deployer.Service}' tells of it.",
            ended.Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("production is unchanged", ended.Output, StringComparison.Ordinal);
        Assert.Equal(2, await RunningAsync());
    }

    private async Task<Ended> InterruptedAsync(string line, string replicas, LossyConsul? front = null, Action? then = null)
    {
        using var interruption = new CancellationTokenSource();
        return await deployer.RunAsync(
            ["scale", deployer.Service, replicas, "--drain", "100ms", "--consul", (front?.Address ?? host.ConsulAddress).ToString()],
            interruption: interruption,
            onLine: told =>
            {
                if (!told.StartsWith(line, StringComparison.Ordinal))
                    return;
                then?.Invoke();
                interruption.Cancel();
            });
    }

    private async Task<int> RunningAsync() => (await host.ContainersAsync(deployer.Service)).Count(container => container.State == "running");
}
