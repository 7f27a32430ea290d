using System.Net;
using Consul;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class ScaleTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private ProxiedDeployer deployer = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        deployer = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await deployer.DeployAsync("good", "environment: {KEPT: \"yes\"}");
        Assert.True(first.Code == ExitCode.Done, first.Output);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Scale_UpAndDownUnderLoad_FailsNoRequest()
    {
        var service = deployer.Command.Service;
        var (last, answers) = await deployer.UnderLoadAsync(async () =>
        {
            await DoneAsync("scale", service, "3");
            await deployer.Proxy.UntilAsync(service, account => account.GetProperty("instances").EnumerateArray().Count(instance => instance.GetProperty("inTraffic").GetBoolean()) == 3);
            await AssertAlikeAsync(3);
            return await DoneAsync("scale", service, "1", "--drain", "10s");
        });

        Assert.Contains("nothing in flight any more", last.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        await AssertAlikeAsync(1);
        Assert.Equal(
            [("deploy", Outcome.Promoted, null), ("scale", Outcome.Changed, "3 replicas of good"), ("scale", Outcome.Changed, "1 replica of good")],
            (await deployer.Command.HistoryAsync()).Select(entry => (entry.Action, entry.Outcome, entry.Reason)));

        await DoneAsync("scale", service, "2");
        Assert.Null((await deployer.Command.DocumentAsync())!.Leaving);
        Assert.Contains("has 2 replicas already", (await DoneAsync("scale", service, "2")).Output, StringComparison.Ordinal);
    }

    // As a deployer leaves it that is killed in its tests, whose candidate somebody then promotes.
    [Fact]
    public async Task ScaleAndRollback_TestsThatWereLeft_AreNoReplicaAndThePromotionRemovesThem()
    {
        var (command, ct) = (deployer.Command, TestContext.Current.CancellationToken);
        var left = await host.RunAsync(
            "app:silent",
            new() { ["mesh.service"] = command.Service, ["mesh.deployment"] = (await command.DocumentAsync())!.Active!.Deployment, ["SERVICE_IGNORE"] = "true", [ContainerLabel.Tests] = "true" },
            ct);

        Assert.Contains("has 2 replicas of good", (await DoneAsync("scale", command.Service, "2")).Output, StringComparison.Ordinal);
        Assert.Equal(3, (await host.ContainersAsync(command.Service)).Count);

        var next = await deployer.DeployAsync("better", args: ["--json"]);
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.DoesNotContain(await host.ContainersAsync(command.Service), container => container.ID == left);

        var fewer = await command.RunAsync(["rollback", command.Service]);
        Assert.True(fewer.Code == ExitCode.Done, fewer.Output);
    }

    [Fact]
    public async Task Rollback_FewerContainersThanServeNow_ReturnsAndWarns()
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("better")).Code);
        await DoneAsync("scale", service, "2");

        var back = await DoneAsync("rollback", service, "--drain", "100ms");

        Assert.Contains($"has 1 container, and 2 of better serve now: 'deployer scale {service} 2' brings the others", back.Output, StringComparison.Ordinal);
        Assert.Equal("good", (await command.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Promote_FewerContainersThanServeNow_PromotesAndWarns()
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        await DoneAsync("scale", service, "2");
        var id = await host.RunAsync("app:v2", new() { ["mesh.service"] = service }, TestContext.Current.CancellationToken);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(service, null, false, q, token), entries => entries.Length == 3);

        var promoted = await DoneAsync("promote", service, id[..12], "--drain", "100ms");

        Assert.Contains($"has 1 container, and 2 of good serve now: 'deployer scale {service} 2' brings the others", promoted.Output, StringComparison.Ordinal);
        Assert.Equal("v2", (await command.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Scale_TooLate_RemovesTheNewReplicasAndFailsNoRequest()
    {
        await using var late = await ProxiedDeployer.StartAsync(host);
        var first = await late.DeployAsync("late");
        Assert.True(first.Code == ExitCode.Done, first.Output);

        var (ended, answers) = await late.UnderLoadAsync(() => late.Command.RunAsync(["scale", late.Command.Service, "3", "--deadline", "10ms"]));

        Assert.True(ended.Code == ExitCode.Unhealthy, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(late.Command.Service)).State);
    }

    [Fact]
    public async Task Scale_Interrupted_SaysSoInTheHistory()
    {
        using var interruption = new CancellationTokenSource();
        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.Command.RunAsync(["scale", deployer.Command.Service, "2", "--drain", "10s"], interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  healthy", StringComparison.Ordinal))
                interruption.Cancel();
        }));

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var entry = (await deployer.Command.HistoryAsync())[^1];
        Assert.Equal(("scale", Outcome.Reverted, "interrupted"), (entry.Action, entry.Outcome, entry.Reason));
        await AssertAlikeAsync(1);
    }

    // The change is lost; of the two new replicas one is registered only after the other was taken out of the traffic, or directly before both end.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Scale_AReplicaIsRegisteredWhileAnotherDrains_LeavesTheTrafficInOrder(int before)
    {
        var (service, looks) = (deployer.Command.Service, 0);
        var failed = false;
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, context =>
        {
            if (context.Request.Path != "/v1/txn" || failed)
                return failed && context.Request.Path == $"/v1/health/service/{service}" && Interlocked.Increment(ref looks) <= before ? Loss.OfTheLast : Loss.Nothing;
            failed = true;
            return Loss.Request;
        });

        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.Command.RunAsync(["scale", service, "3", "--drain", "10s", "--consul", front.Address.ToString()]));

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(2, (await deployer.Command.DocumentAsync())!.Leaving!.Count);
        await AssertAlikeAsync(1);
    }

    // Once is no reason to leave them: it is asked again.
    [Fact]
    public async Task Scale_ConsulFailsOnceWhenItIsUndone_RemovesTheNewReplicas()
    {
        var (service, failures, isUndone) = (deployer.Command.Service, 0, false);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, context =>
            Volatile.Read(ref isUndone) && context.Request.Path == $"/v1/health/service/{service}" && Interlocked.Increment(ref failures) == 1 ? Loss.Refused : Loss.Nothing);
        using var interruption = new CancellationTokenSource();

        var ended = await deployer.Command.RunAsync(["scale", service, "2", "--consul", front.Address.ToString()], interruption: interruption, onLine: line =>
        {
            if (!line.StartsWith("ok  healthy", StringComparison.Ordinal))
                return;
            Volatile.Write(ref isUndone, true);
            interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.True(failures > 1, ended.Output);
        await AssertAlikeAsync(1);
    }

    [Fact]
    public async Task Scale_ConsulLosesItsDataMeanwhile_RemovesTheNewReplicas()
    {
        var service = deployer.Command.Service;
        var ended = await deployer.Command.RunAsync(["scale", service, "2"], onLine: line =>
        {
            if (line.StartsWith("ok  healthy", StringComparison.Ordinal))
                host.Consul.KV.Delete($"mesh/services/{service}", TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        });

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains("Consul refused the change", ended.Output, StringComparison.Ordinal);
        await AssertAlikeAsync(1);
    }

    [Theory]
    [InlineData("scale", "2")]
    [InlineData("abort")]
    public async Task Run_ItsLockIsLostWhileItLooksForContainers_SaysSo(string verb, params string[] more)
    {
        var service = deployer.Command.Service;
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var docker = await HoldingFront.StartAsync(new Uri($"http://{engine.Address.Authority}"), request => request.Path.Value!.EndsWith("/containers/json", StringComparison.Ordinal));

        var running = deployer.Command.RunAsync([verb, service, .. more, "--docker", $"tcp://{docker.Address.Authority}", "--insecure"]);
        await Task.WhenAny(docker.Reached, running);
        await deployer.Command.Locks.BreakAsync(service, TestContext.Current.CancellationToken);

        var ended = await running;
        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains($"the lock of {service} was lost", ended.Output, StringComparison.Ordinal);
        await AssertAlikeAsync(1);
    }

    [Fact]
    public async Task Scale_UpBesideAReplicaThatIsIll_WaitsForTheNewOneAlone()
    {
        var (service, ct) = (deployer.Command.Service, TestContext.Current.CancellationToken);
        var ill = Assert.Single(await host.ContainersAsync(service)).ID;
        await host.Docker.Containers.PauseContainerAsync(ill, ct);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(service, null, false, q, token), entries => entries.All(entry => entry.Checks.Any(check => check.Status == HealthStatus.Critical)));

        await DoneAsync("scale", service, "2");

        await host.Docker.Containers.UnpauseContainerAsync(ill, ct);
        await AssertAlikeAsync(2);
    }

    [Fact]
    public async Task Scale_NothingActive_IsRefused()
    {
        await using var other = new DeployerCommand(host);

        var ended = await other.RunAsync(["scale", other.Service, "2"]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains($"nothing of '{other.Service}' is active", ended.Output, StringComparison.Ordinal);
        await other.AssertUntouchedAsync();
    }

    private async Task<Ended> DoneAsync(params string[] args)
    {
        var ended = await deployer.Command.RunAsync(args);
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        return ended;
    }

    private async Task AssertAlikeAsync(int replicas)
    {
        var containers = await Task.WhenAll((await host.ContainersAsync(deployer.Command.Service)).Select(
            container => host.Docker.Containers.InspectContainerAsync(container.ID, TestContext.Current.CancellationToken)));
        Assert.Equal(replicas, containers.Length);
        Assert.All(containers, container =>
        {
            Assert.True(container.State!.Running);
            Assert.Equal(containers[0].Image, container.Image);
            Assert.Equal(containers[0].Config!.Labels, container.Config!.Labels);
            Assert.Contains("KEPT=yes", container.Config.Env);
        });
    }
}
