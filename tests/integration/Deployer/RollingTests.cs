using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Replica by replica, under load through a real proxy.</summary>
[Collection(DeployerCollection.Name)]
public sealed class RollingTests(DeployerFixture host) : IAsyncLifetime
{
    private const string Rolling = "replicas: 3\nstrategy: {rolling: {batch: 1, bake: 2s, minimum: 20, error-share: 5%}}";

    private readonly AsyncDisposables started = new();
    private ProxiedDeployer deployer = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        deployer = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await deployer.DeployAsync("good", Rolling);
        Assert.True(first.Code == ExitCode.Done, first.Output);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Rolling_AGoodRelease_ReplacesTheOldOneBatchByBatch()
    {
        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.DeployAsync("better", Rolling));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var document = await deployer.Command.DocumentAsync();
        Assert.Equal(("better", null, null), (document!.Active!.Version, document.Split, document.Leaving));
        Assert.Equal(
            [(Outcome.Promoted, "good", null), (Outcome.Changed, "better", "33.33 % to better"), (Outcome.Changed, "better", "66.67 % to better"), (Outcome.Promoted, "better", null)],
            (await deployer.Command.HistoryAsync()).Select(entry => (entry.Outcome, entry.Release.Version, entry.Reason)));
        Assert.Equal(["exited good", "exited good", "exited good", "running better", "running better", "running better"], await StatesAsync());
        // The tests have seen the first batch before anybody else.
        Assert.True(ended.Output.IndexOf("ok  tests", StringComparison.Ordinal) < ended.Output.IndexOf("ok  roll", StringComparison.Ordinal), ended.Output);

        var (back, meanwhile) = await deployer.UnderLoadAsync(() => deployer.Command.RunAsync(["rollback", deployer.Command.Service, "--drain", "10s"]));
        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.All(meanwhile, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(["exited better", "exited better", "exited better", "running good", "running good", "running good"], await StatesAsync());
    }

    [Fact]
    public async Task Rolling_AReleaseThatFails_GoesBackBeforeAnythingWasStopped()
    {
        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.DeployAsync("failing", Rolling));

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("was taken out of the traffic at 33.33 %: observed ", ended.Output, StringComparison.Ordinal);
        Assert.Contains("more than 5 % apart. good serves all of it again.", ended.Output, StringComparison.Ordinal);
        Assert.Contains("  | failing began", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("stopped ", ended.Output, StringComparison.Ordinal);
        // A third of the traffic for some seconds, of which a third failed; not one more.
        Assert.InRange(answers.Count(status => status == HttpStatusCode.InternalServerError), 1, answers.Count / 5);
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.InternalServerError, status.ToString()));
        await AssertAllGoodAsync();
    }

    [Fact]
    public async Task Rolling_DockerItselfFailsInTheSecondBatch_SaysWhoServes()
    {
        // The first batch and its tests were started before.
        var starts = 0;
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var failing = await LossyConsul.StartAsync(
            new Uri($"http://{engine.Address.Authority}"),
            context => context.Request.Path.Value!.EndsWith("/start", StringComparison.Ordinal) && Interlocked.Increment(ref starts) == 3 ? Loss.Refused : Loss.Nothing);

        var (ended, _) = await deployer.UnderLoadAsync(
            () => deployer.DeployAsync("better", Rolling, args: ["--docker", $"tcp://{failing.Address.Authority}", "--insecure"]));

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains(
            $"error: {deployer.Command.Service} better was taken out of the traffic: {deployer.Command.Service} better cannot be started, for Docker failed (500): ", ended.Output, StringComparison.Ordinal);
        Assert.Contains(" good serves all of it again.", ended.Output, StringComparison.Ordinal);
        await AssertAllGoodAsync();
    }

    [Fact]
    public async Task Rolling_WithoutRequests_IsInconclusiveAndFailsSafe()
    {
        var ended = await deployer.DeployAsync("better", Rolling);

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains(
            "at 33.33 %: inconclusive: observed 0 requests of the candidate against a minimum of 20 (give a smaller one, or a path in 'synthetic'", ended.Output, StringComparison.Ordinal);
        await AssertAllGoodAsync();
    }

    [Fact]
    public async Task Rolling_WithoutRequests_IsFilledBySyntheticOnesOrNotObserved()
    {
        var filled = await deployer.DeployAsync("better", Rolling.Replace("minimum: 20", "minimum: 20, synthetic: /work", StringComparison.Ordinal));
        Assert.True(filled.Code == ExitCode.Done, filled.Output);

        var unseen = await deployer.DeployAsync("good", Rolling.Replace("bake: 2s", "bake: 0s", StringComparison.Ordinal));
        Assert.True(unseen.Code == ExitCode.Done, unseen.Output);
        Assert.DoesNotContain("ok  observe", unseen.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rolling_ASecondBatchThatFailsOrIsInterrupted_GoesBackToAllOfTheOldRelease(bool interrupted)
    {
        using var interruption = new CancellationTokenSource();
        var batches = 0;
        var kill = Task.CompletedTask;
        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.DeployAsync("better", Rolling, interruption: interruption, onLine: line =>
        {
            if (!line.StartsWith("ok  start", StringComparison.Ordinal) || ++batches != 2)
                return;
            if (interrupted)
                interruption.Cancel();
            else
                kill = KillNewestAsync();
        }));
        await kill;

        Assert.True(ended.Code == (interrupted ? ExitCode.Interrupted : ExitCode.Reverted), ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        await AssertAllGoodAsync();
        var entry = (await deployer.Command.HistoryAsync())[^1];
        Assert.Equal(Outcome.Reverted, entry.Outcome);
        Assert.Contains(interrupted ? "interrupted" : "ended by itself with exit code 137", entry.Reason, StringComparison.Ordinal);
    }

    // A service that starts slower is waited for where that is said.
    [Theory]
    [InlineData("1m", false)]
    [InlineData("1ms", true)]
    public async Task Abort_AfterADeployerThatWasKilledWhileItRolled_StartsAgainWhatItHadStopped(string deadline, bool late)
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        await HalfRolled.LeaveAsync(host, command, "better");

        var ended = await command.RunAsync(["abort", service, "--deadline", deadline, "--drain", "100ms"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal(late, ended.Output.Contains($"warning: whether all replicas of {service} good serve again is not sure: ", StringComparison.Ordinal));
        await AssertAllGoodAsync();
    }

    // The third was stopped when a rolling delivery was killed: it is started again, and the first is not waited for. Of the canary's delivery only the beginning is of interest.
    [Theory]
    [InlineData("abort", "ok  change")]
    [InlineData("deploy", "ok  canary")]
    public async Task Run_BesideAReplicaOfTheOldReleaseThatIsIll_WaitsForTheStartedOneAlone(string verb, string after)
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        await HalfRolled.LeaveAsync(host, command, "better");
        var ill = (await host.ContainersAsync(service)).MinBy(container => container.Names[0], StringComparer.Ordinal)!.ID;
        await host.Docker.Containers.PauseContainerAsync(ill, Ct);
        // What is sent to it before that hangs until the route's timeout.
        await deployer.Proxy.UntilAsync(service, account => account.GetRawText().Contains("\"health\":\"maintenance\"", StringComparison.Ordinal), TimeSpan.FromMinutes(1));
        // Later it could not be stopped.
        void Cure(string line)
        {
            if (line.StartsWith(after, StringComparison.Ordinal))
                host.Docker.Containers.UnpauseContainerAsync(ill, Ct).GetAwaiter().GetResult();
        }

        var (ended, answers) = await deployer.UnderLoadAsync(() => verb == "abort"
            ? command.RunAsync([verb, service, "--deadline", "20s", "--drain", "100ms"], Cure)
            : deployer.DeployAsync("better", "strategy: {canary: {steps: [10%], bake: 3s, minimum: 5, error-share: 5%, p99-ratio: 100}}", onLine: Cure));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.DoesNotContain("is not sure", ended.Output, StringComparison.Ordinal);
        Assert.Contains(" again\nok  healthy", ended.Output, StringComparison.Ordinal);
    }

    // Killed when the new release has two of its replicas, and the old one still has one.
    [Theory]
    [InlineData("ok  roll", "replicas: 3\nstrategy: {rolling: {batch: 1, bake: 0s}}")]
    [InlineData("ok  canary", "replicas: 3\nstrategy: {canary: {steps: [10%], bake: 3s, minimum: 5, error-share: 5%, p99-ratio: 100}}")]
    public async Task Deploy_AfterADeployerThatWasKilledWhileItRolled_BringsBackWhatItHadStopped(string share, string strategy)
    {
        var (command, service) = (deployer.Command, deployer.Command.Service);
        var former = (await command.DocumentAsync())!.Active!;
        var manifest = await command.WriteManifestAsync(change: "/app=>/moody", more: "replicas: 3\nstrategy: {rolling: {batch: 1, bake: 0s}}");
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        var made = 0;
        // Its first replica, its tests and its second replica are made, and it waits for its third.
        await using var front = await HoldingFront.StartAsync(
            new Uri($"http://{engine.Address.Authority}"), request => request.Path.Value!.EndsWith("/containers/create", StringComparison.Ordinal) && Interlocked.Increment(ref made) > 3);
        await using (var process = new DeployerProcess(
            "deploy", manifest, "--version", "better", "--consul", host.ConsulAddress.ToString(), "--docker", $"tcp://{front.Address.Authority}", "--insecure", "--environment", host.Environment, "--proxy-service", command.ProxyService))
        {
            await front.Reached.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);
            process.Kill();
        }

        var split = (await command.DocumentAsync())!.Split!;
        Assert.Equal(("better", 66.67), (split.Release.Version, split.Share));
        Assert.Equal(1, await ServingAsync(former));
        var promoted = await command.RunAsync(["promote", service, split.Release.Deployment, "--wait", "1m"]);
        Assert.True(promoted.Code == ExitCode.WrongInput, promoted.Output);
        Assert.Contains("better has 2 of the 3 replicas of good, for its rolling delivery, or a scale of good, was not finished", promoted.Output, StringComparison.Ordinal);

        List<int> serving = [];
        var (ended, answers) = await deployer.UnderLoadAsync(() => deployer.DeployAsync("better", strategy, onLine: line =>
        {
            if (line.StartsWith(share, StringComparison.Ordinal))
                serving.Add(ServingAsync(former).GetAwaiter().GetResult());
        }));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(3, serving[0]);
        Assert.Equal(["exited good", "exited good", "exited good", "running better", "running better", "running better"], await StatesAsync());
    }

    [Fact]
    public async Task Rolling_ConsulFailsOnceBesideALook_GoesOn()
    {
        var (service, tested, failed) = (deployer.Command.Service, false, 0);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, context =>
            Volatile.Read(ref tested) && context.Request.Path == $"/v1/health/service/{service}" && Interlocked.Increment(ref failed) == 1 ? Loss.Refused : Loss.Nothing);

        var ended = await deployer.DeployAsync("better", Rolling.Replace("bake: 2s", "bake: 0s", StringComparison.Ordinal), args: ["--consul", front.Address.ToString()], onLine: line =>
        {
            if (line.StartsWith("ok  tests", StringComparison.Ordinal))
                Volatile.Write(ref tested, true);
        });

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.InRange(failed, 1, int.MaxValue);
    }

    [Fact]
    public async Task Rolling_RejectedByItsTests_NeverHasTraffic()
    {
        var ended = await deployer.DeployAsync("better", Rolling, tests: "fail");

        Assert.True(ended.Code == ExitCode.Rejected, ended.Output);
        Assert.Equal(["running good", "running good", "running good"], await StatesAsync());
        Assert.Equal([Outcome.Promoted, Outcome.Rejected], (await deployer.Command.HistoryAsync()).Select(entry => entry.Outcome));
    }

    private async Task AssertAllGoodAsync()
    {
        var document = await deployer.Command.DocumentAsync();
        Assert.Equal(("good", null, null), (document!.Active!.Version, document.Split, document.Leaving));
        Assert.Equal(["running good", "running good", "running good"], await StatesAsync());
    }

    private async Task KillNewestAsync()
    {
        var newest = (await host.ContainersAsync(deployer.Command.Service)).Single(container => container.Names[0].EndsWith("-2", StringComparison.Ordinal) && container.Labels["mesh.version"] == "better");
        await host.Docker.Containers.KillContainerAsync(newest.ID, new() { Signal = "KILL" }, Ct);
    }

    private async Task<int> ServingAsync(Release release) =>
        (await host.ContainersAsync(deployer.Command.Service)).Count(container => container.State == "running" && container.Labels[ContainerLabel.Deployment] == release.Deployment);

    private async Task<string[]> StatesAsync() =>
    [
        .. (await host.ContainersAsync(deployer.Command.Service)).Select(container => $"{container.State} {container.Labels["mesh.version"]}").Order(StringComparer.Ordinal),
    ];
}
