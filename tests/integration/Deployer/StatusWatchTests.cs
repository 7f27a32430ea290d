using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class StatusWatchTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Watch_ARollback_IsToldByANewTable_UntilItIsInterrupted()
    {
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        await deployer.DeployAsync("v2");
        using var interruption = new CancellationTokenSource();
        var (begun, told) = (new TaskCompletionSource(), new TaskCompletionSource());
        var watching = deployer.RunAsync(["status", deployer.Service, "--watch"], interruption: interruption, onLine: line =>
        {
            var cells = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (cells is [_, "active", "v2", ..])
                begun.TrySetResult();
            if (cells is [_, "active", "v1", _, _, _, "passing", "100", ..])
                told.TrySetResult();
        });
        await Task.WhenAny(begun.Task, watching);

        await deployer.RunAsync(["rollback", deployer.Service, "--drain", "100ms"]);
        await Task.WhenAny(told.Task, watching, Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken));
        await interruption.CancelAsync();

        var ended = await watching;
        Assert.True(told.Task.IsCompletedSuccessfully, ended.Output);
        Assert.Equal(ExitCode.Done, ended.Code);
    }

    [Fact]
    public async Task Watch_Json_IsALineForEachAnswer()
    {
        await deployer.DeployAsync("v1");
        using var interruption = new CancellationTokenSource();
        var (begun, scaled) = (new TaskCompletionSource(), new TaskCompletionSource());
        var watching = deployer.RunAsync(["status", deployer.Service, "--watch", "--json"], interruption: interruption, onLine: line =>
        {
            begun.TrySetResult();
            if (JsonDocument.Parse(line).RootElement.GetArrayLength() == 2)
                scaled.TrySetResult();
        });
        await Task.WhenAny(begun.Task, watching);

        await deployer.RunAsync(["scale", deployer.Service, "2"]);
        await Task.WhenAny(scaled.Task, watching, Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken));
        await interruption.CancelAsync();

        var ended = await watching;
        Assert.True(scaled.Task.IsCompletedSuccessfully, ended.Output);
        Assert.Empty(ended.Stderr);
    }

    [Fact]
    public async Task Watch_AnUnknownService_EndsAtOnce() =>
        Assert.Equal(ExitCode.WrongInput, (await deployer.RunAsync(["status", deployer.Service, "--watch"])).Code);
}
