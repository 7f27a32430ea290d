using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>
/// A Docker that is not cut off and does not answer, as one does whose container is stuck: it takes each stop of what runs when the verb
/// begins, and comes to the end of none. Whatever it was for, the verb ends and gives its lock back.
/// </summary>
[Collection(DeployerFaultsCollection.Name)]
public sealed class HangingDockerTests(DeployerFixture host)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // Beside each other, for each waits for as long as a stop may take.
    [Fact]
    public Task EachVerb_DockerHangsInAStop_EndsAndSaysWhatIsLeft() =>
        Task.WhenAll(DeployRetiresAsync(), DeployRollsAsync(), DeployCleansAsync(), ScaleRemovesAsync());

    private async Task DeployRetiresAsync()
    {
        await using var deployer = new DeployerCommand(host);
        await DoneAsync(deployer.DeployAsync("v1"));

        var ended = await HangingAsync(deployer, args => deployer.DeployAsync("v2", args: args), ExitCode.Done, "v2");

        Assert.Contains($"warning: production is on {deployer.Service} v2, but: Docker hangs: it did not stop {deployer.Service}-v1-", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"Containers of retired releases may still run: the next deploy of {deployer.Service} stops them.", ended.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1", "running v2"], await StatesAsync(deployer));

        var next = await DoneAsync(deployer.DeployAsync("v3"));
        Assert.True(await StatesAsync(deployer) is ["exited v2", "running v3"], next.Output);
    }

    private async Task DeployRollsAsync()
    {
        await using var deployer = new DeployerCommand(host);
        await DoneAsync(deployer.DeployAsync("v1", more: "replicas: 2"));

        var ended = await HangingAsync(
            deployer, args => deployer.DeployAsync("v2", more: "replicas: 2\nstrategy: {rolling: {batch: 1, bake: 0s}}", args: args), ExitCode.Unreachable, "v1");

        Assert.Contains($"error: {deployer.Service} v2 was taken out of the traffic: Docker hangs: it did not stop {deployer.Service}-v1-", ended.Output, StringComparison.Ordinal);
        Assert.Contains(" v1 serves all of it again.", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"warning: whether all replicas of {deployer.Service} v1 serve again is not sure: Docker hangs: it did not stop {deployer.Service}-v1-", ended.Output, StringComparison.Ordinal);
        Assert.Contains($"'deployer scale {deployer.Service} <n>' brings those that do not", ended.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1", "running v1"], await StatesAsync(deployer));
    }

    private async Task DeployCleansAsync()
    {
        await using var deployer = new DeployerCommand(host);
        await DoneAsync(deployer.DeployAsync("v1"));
        await host.RunAsync("app:v3", new() { [ContainerLabel.Service] = deployer.Service, [ContainerLabel.Deployment] = DeploymentId.New(), [ContainerLabel.Version] = "v3" }, Ct);

        var ended = await HangingAsync(deployer, args => deployer.DeployAsync("v2", args: args), ExitCode.Unreachable, "v1");

        Assert.Contains("error: Docker hangs: it did not stop ", ended.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1", "running v3"], await StatesAsync(deployer));
    }

    private async Task ScaleRemovesAsync()
    {
        await using var deployer = new DeployerCommand(host);
        await DoneAsync(deployer.DeployAsync("v1", more: "replicas: 2"));

        var ended = await HangingAsync(deployer, args => deployer.RunAsync(["scale", deployer.Service, "1", "--drain", "1s", .. args]), ExitCode.Done, "v1");

        Assert.Contains($"warning: Docker hangs: it did not stop {deployer.Service}-v1-", ended.Output, StringComparison.Ordinal);
        Assert.Contains("what is beyond gets no requests any more, and the next scale removes it", ended.Output, StringComparison.Ordinal);
        var next = await DoneAsync(deployer.RunAsync(["scale", deployer.Service, "1", "--drain", "1s"]));
        Assert.True(await StatesAsync(deployer) is ["running v1"], next.Output);
    }

    private async Task<Ended> HangingAsync(DeployerCommand deployer, Func<string[], Task<Ended>> verb, ExitCode code, string active)
    {
        var stops = (await host.ContainersAsync(deployer.Service)).Select(container => $"/{container.ID}/stop").ToArray();
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var docker = await HoldingFront.StartAsync(
            new Uri($"http://{engine.Address.Authority}"), request => stops.Any(stop => request.Path.Value!.EndsWith(stop, StringComparison.Ordinal)));

        var ended = await verb(["--docker", $"tcp://{docker.Address.Authority}", "--insecure"]).WaitAsync(TimeSpan.FromMinutes(2), TimeProvider.System, Ct);

        Assert.True(ended.Code == code, ended.Output);
        var document = await deployer.DocumentAsync();
        Assert.Equal((active, null), (document!.Active!.Version, document.Split));
        Assert.Null(await deployer.Locks.HolderAsync(deployer.Service, Ct));
        return ended;
    }

    private static async Task<Ended> DoneAsync(Task<Ended> verb)
    {
        var ended = await verb;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        return ended;
    }

    private async Task<string[]> StatesAsync(DeployerCommand deployer) =>
        [.. (await host.ContainersAsync(deployer.Service)).Select(container => $"{container.State} {container.Labels[ContainerLabel.Version]}").Order(StringComparer.Ordinal)];
}
