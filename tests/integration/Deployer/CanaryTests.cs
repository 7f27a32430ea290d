using System.Net;
using Docker.DotNet.Models;
using ServiceMesh.Deployer;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Releases of several moods come into the traffic of a real proxy by steps.</summary>
[Collection(DeployerCollection.Name)]
public sealed class CanaryTests(DeployerFixture host) : IAsyncLifetime
{
    // Of a few requests on a busy machine one is slow by chance: that alone must fail nobody here.
    private const string Canary = """
        strategy:
          canary:
            steps: [10%, 50%]
            bake: 3s
            minimum: 20
            error-share: 5%
            p99-ratio: 50
        """;

    // Its answers take a second: as many of them as the load gets in the baking time, against those of a busy machine.
    private static readonly string AgainstSlow = Canary
        .Replace("p99-ratio: 50", "p99-ratio: 4", StringComparison.Ordinal)
        .Replace("bake: 3s", "bake: 5s", StringComparison.Ordinal);

    private readonly AsyncDisposables started = new();
    private ProxiedDeployer proxied = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DeployerCommand Deployer => proxied.Command;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        proxied = started.Add(await ProxiedDeployer.StartAsync(host));
        var first = await DeployAsync("good", Canary);
        Assert.True(first.Code == ExitCode.Done, first.Output);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Canary_AGoodRelease_GoesByItsStepsIntoAllOfTheTraffic()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("better", Canary));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal("better", (await Deployer.DocumentAsync())!.Active!.Version);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(
            [("deploy", "good", Outcome.Promoted, null), ("deploy", "better", Outcome.Changed, "10 % to better"),
                ("deploy", "better", Outcome.Changed, "50 % to better"), ("deploy", "better", Outcome.Promoted, null)],
            (await Deployer.HistoryAsync()).Select(entry => (entry.Action, entry.Release.Version, entry.Outcome, entry.Reason)));
    }

    [Fact]
    public async Task Canary_AReleaseThatFails_IsTakenOutAgain()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("failing", Canary));

        await AssertRevertedAsync(ended, "% errors of");
        Assert.Contains("  | failing began", ended.Output, StringComparison.Ordinal);
        Assert.Contains("of the active release's", ended.Output, StringComparison.Ordinal);
        // A tenth of the traffic for some seconds, of which a third failed; not one more.
        Assert.InRange(answers.Count(status => status == HttpStatusCode.InternalServerError), 1, answers.Count / 10);
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.InternalServerError, status.ToString()));
    }

    [Fact]
    public async Task Canary_AReleaseThatIsSlow_IsTakenOutAgain()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("slow", AgainstSlow.Replace("minimum: 20", "minimum: 5", StringComparison.Ordinal)));

        await AssertRevertedAsync(ended, "observed p99");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task Canary_UnderALoadThatIsTooSmall_IsInconclusiveAndFailsSafe()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(
            () => DeployAsync("better", Canary.Replace("minimum: 20", "minimum: 1000000", StringComparison.Ordinal)));

        await AssertRevertedAsync(ended, " requests of the candidate against a minimum of 1000000");
        Assert.DoesNotContain("observed 0 requests", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task Canary_AReleaseThatIsSlow_ThatOnlySyntheticRequestsAsk_IsTakenOutAgain()
    {
        var ended = await DeployAsync("slow", AgainstSlow + "\n    synthetic: /work");

        await AssertRevertedAsync(ended, "observed p99");
    }

    [Fact]
    public async Task Canary_WithoutRequests_IsInconclusiveAndFailsSafe()
    {
        var ended = await DeployAsync("better", Canary);

        await AssertRevertedAsync(ended, "inconclusive: observed 0 requests of the candidate against a minimum of 20");
    }

    [Fact]
    public async Task Canary_WithoutRequests_IsFilledBySyntheticOnes()
    {
        var ended = await DeployAsync("better", Canary + "\n    synthetic: /work");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal("better", (await Deployer.DocumentAsync())!.Active!.Version);
    }

    [Fact]
    public async Task Canary_Interrupted_IsTakenOutAgain()
    {
        using var interruption = new CancellationTokenSource();
        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = await SharingAsync(interruption);
            await interruption.CancelAsync();
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.Null((await Deployer.DocumentAsync())!.Split);
        var entry = (await Deployer.HistoryAsync())[^1];
        Assert.Equal((Outcome.Reverted, "interrupted"), (entry.Outcome, entry.Reason));
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    // Its requests go to the other one by then: no figure tells.
    [Fact]
    public async Task Canary_AnInstanceEndsWhileItBakes_IsTakenOutAgain()
    {
        var (ended, _) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = await SharingAsync(more: "\nreplicas: 2");
            var candidate = (await host.ContainersAsync(Deployer.Service)).First(container => container.Labels[ContainerLabel.Version] == "better");
            await host.Docker.Containers.KillContainerAsync(candidate.ID, new ContainerKillParameters { Signal = "KILL" }, Ct);
            return await deploying.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);
        });

        await AssertRevertedAsync(ended, "better was taken out of the traffic: ");
        Assert.Contains("ended by itself with exit code 137", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canary_ItsLockIsLost_IsTakenOutAgain()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = await SharingAsync();
            await Deployer.Locks.BreakAsync(Deployer.Service, Ct);
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains("was lost", ended.Output, StringComparison.Ordinal);
        Assert.Contains("; production is unchanged. Run this again.", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        await AssertGoodAloneAsync();
        var entry = (await Deployer.HistoryAsync())[^1];
        Assert.Equal(Outcome.Reverted, entry.Outcome);
        Assert.StartsWith($"the lock of {Deployer.Service} was lost", entry.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canary_AnotherTakesItsLock_LeavesTheShareAndSaysWhatEndsIt()
    {
        ServiceLock? another = null;
        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = await SharingAsync();
            await Deployer.Locks.BreakAsync(Deployer.Service, Ct);
            another = await Deployer.Locks.TryAcquireAsync(Deployer.Service, new LockHolder("ann@cd1", "scale to 2", DateTimeOffset.UnixEpoch), Ct);
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains($"This could not be undone: better still has 10 % of the traffic beside good. 'deployer abort {Deployer.Service}' ends that", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("production is unchanged", ended.Output, StringComparison.Ordinal);
        Assert.Equal("better", (await Deployer.DocumentAsync())!.Split!.Release.Version);
        await another!.DisposeAsync();
        var (aborted, meanwhile) = await proxied.UnderLoadAsync(() => Deployer.RunAsync(["abort", Deployer.Service]));
        Assert.True(aborted.Code == ExitCode.Done, aborted.Output);
        Assert.All([.. answers, .. meanwhile], status => Assert.Equal(HttpStatusCode.OK, status));
        await AssertGoodAloneAsync();
    }

    // Its own session is renewed only when the other has ended.
    [Fact]
    public async Task Canary_AnotherTakesItsLockAndEndsTheShare_IsToldAsALostLock()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sharing = false;
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        front.Before = context =>
            Volatile.Read(ref sharing) && context.Request.Path.StartsWithSegments("/v1/session/renew", StringComparison.Ordinal) ? aborted.Task : Task.CompletedTask;

        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = proxied.DeployAsync("better", Canary.Replace("bake: 3s", "bake: 10m", StringComparison.Ordinal), args: ["--consul", front.Address.ToString()]);
            await proxied.UntilSharingAsync();
            Volatile.Write(ref sharing, true);
            await Deployer.Locks.BreakAsync(Deployer.Service, Ct);
            var abort = await Deployer.RunAsync(["abort", Deployer.Service]);
            Assert.True(abort.Code == ExitCode.Done, abort.Output);
            aborted.TrySetResult();
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.Contains($"Another changed {Deployer.Service} meanwhile: better has no traffic.", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        await AssertGoodAloneAsync();
    }

    // Every second time that the proxies are asked for, and every third time the service.
    [Theory]
    [InlineData("strategy: {canary: {steps: [10%, 50%], bake: 3s, minimum: 20, error-share: 5%, p99-ratio: 50}}", "better", 0)]
    [InlineData("watch: {for: 10s, error-share: 5%, minimum: 20}", "failing", 6)]
    public async Task Deploy_ConsulFailsNowAndThenWhileItLooks_JudgesAllTheSame(string more, string version, int code)
    {
        var (proxies, services) = (0, 0);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, context =>
            (context.Request.Path == $"/v1/health/service/{Deployer.ProxyService}" && Interlocked.Increment(ref proxies) % 2 == 1)
            || (context.Request.Path == $"/v1/health/service/{Deployer.Service}" && Interlocked.Increment(ref services) % 3 == 2) ? Loss.Refused : Loss.Nothing);

        var (ended, _) = await proxied.UnderLoadAsync(() => proxied.DeployAsync(version, more, args: ["--consul", front.Address.ToString()]));

        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Equal(code == 0 ? version : "good", (await Deployer.DocumentAsync())!.Active!.Version);
        Assert.DoesNotContain("ended early", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Canary_AProxyDoesNotFollow_IsEndedAndItsContainersStayForThatProxy()
    {
        // Nobody knows what a proxy that is silent still sends where.
        await using var silent = await host.RegisterProxyAsync(Deployer.ProxyService, port: 1, $"{Deployer.ProxyService}-silent");

        var ended = await DeployAsync("better", Canary);

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("does not answer: until it follows, whatever leaves the traffic is kept running for it", ended.Output, StringComparison.Ordinal);
        Assert.Contains("does not answer, so the candidate's figures would not be whole", ended.Output, StringComparison.Ordinal);
        var document = await Deployer.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Contains(
            await host.ContainersAsync(Deployer.Service),
            container => container.Labels[ContainerLabel.Version] == "better" && container.State == "running");
    }

    private async Task AssertRevertedAsync(Ended ended, string reason)
    {
        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains(reason, ended.Output, StringComparison.Ordinal);
        await AssertGoodAloneAsync();
    }

    private async Task AssertGoodAloneAsync()
    {
        var document = await Deployer.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(Deployer.Service)).Labels[ContainerLabel.Version]);
    }

    /// <summary>Deploys a canary that bakes for long.</summary>
    /// <returns>The deploy, once the candidate has its share.</returns>
    private async Task<Task<Ended>> SharingAsync(CancellationTokenSource? interruption = null, string more = "")
    {
        var deploying = DeployAsync("better", Canary.Replace("bake: 3s", "bake: 10m", StringComparison.Ordinal) + more, interruption);
        await proxied.UntilSharingAsync();
        return deploying;
    }

    private Task<Ended> DeployAsync(string version, string more, CancellationTokenSource? interruption = null) =>
        proxied.DeployAsync(version, more, interruption: interruption);
}
