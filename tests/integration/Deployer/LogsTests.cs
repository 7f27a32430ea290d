using System.Text.Json;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class LogsTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Logs_OfTwoReplicas_NameEachLinesContainer()
    {
        await ReplicasAsync(2);

        var ended = await deployer.RunAsync(["logs", deployer.Service, "--tail", "1"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        var lines = ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal(["1 ", "2 "], lines.Select(line => line.Split('|')[0][^2..]));
    }

    [Fact]
    public async Task Logs_OfOne_FollowItUntilItEnds_AndAsJson()
    {
        await ReplicasAsync(1);
        var container = Assert.Single(await host.ContainersAsync(deployer.Service));
        var heard = new TaskCompletionSource();
        var following = deployer.RunAsync(["logs", deployer.Service, container.ID[..12], "--follow", "--json"], onLine: _ => heard.TrySetResult());
        await Task.WhenAny(heard.Task, following);

        await host.Docker.Containers.StopContainerAsync(container.ID, new(), TestContext.Current.CancellationToken);

        var ended = await following;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(ended.Stdout.TrimEnd('\n').Split('\n'), line =>
        {
            using var document = JsonDocument.Parse(line);
            Assert.Equal(container.Names[0].TrimStart('/'), document.RootElement.GetProperty("container").GetString());
        });
    }

    [Fact]
    public async Task Logs_OfACandidateThatWasStartedByHand_AreFoundByItsId()
    {
        var ct = TestContext.Current.CancellationToken;
        var id = await host.RunAsync("app:whispers", new Dictionary<string, string> { ["SERVICE_NAME"] = deployer.Service }, ct);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(deployer.Service, null, false, q, token), entries => entries.Length == 1);

        var ended = await deployer.RunAsync(["logs", deployer.Service, id[..12]]);
        await host.Docker.Containers.RemoveContainerAsync(id, new() { Force = true, RemoveVolumes = true }, ct);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("my password is", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_OfTests_AreFoundByTheirId()
    {
        var labels = new Dictionary<string, string> { [ContainerLabel.Service] = deployer.Service, [ContainerLabel.Deployment] = DeploymentId.New(), [ContainerLabel.Tests] = "true" };
        var id = await host.RunAsync("tests:pass", labels, TestContext.Current.CancellationToken);

        var ended = await deployer.RunAsync(["logs", deployer.Service, id[..12], "--follow"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("3 passed, 0 failed", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_OneOfTwoIsLostWhileTheyAreFollowed_IsToldAtOnceAndAtTheEnd()
    {
        await ReplicasAsync(2);
        var containers = await host.ContainersAsync(deployer.Service);
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var front = await LossyConsul.StartAsync(
            new Uri($"http://{engine.Address.Authority}"), context => context.Request.Path.Value!.EndsWith($"/{containers[0].ID}/logs", StringComparison.Ordinal) ? Loss.Request : Loss.Nothing);
        using var interruption = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var lost = $"what {containers[0].Names[0].TrimStart('/')} prints is not told any more: Docker stopped answering: ";
        var (warned, told) = (false, false);

        var ended = await deployer.RunAsync(["logs", deployer.Service, "--follow", "--docker", $"tcp://{front.Address.Authority}", "--insecure"], interruption: interruption, onLine: line =>
        {
            warned |= line.StartsWith($"warning: {lost}", StringComparison.Ordinal);
            told |= line.StartsWith($"{containers[1].Names[0].TrimStart('/')} | ", StringComparison.Ordinal);
            if (warned && told)
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.True(warned, ended.Output);
        Assert.Contains($"error: {lost}", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_OfAnUnknownService_SaySo()
    {
        var ended = await deployer.RunAsync(["logs", deployer.Service]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains($"'{deployer.Service}' has no container here", ended.Output, StringComparison.Ordinal);
    }

    private async Task ReplicasAsync(int replicas)
    {
        var ended = await deployer.DeployAsync("v1", more: $"replicas: {replicas}");
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
    }
}
