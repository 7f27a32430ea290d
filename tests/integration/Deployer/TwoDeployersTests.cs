using System.Net;
using Microsoft.AspNetCore.Http;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Two deployers at once, of which one loses its lock in the middle to the other that waits for it.</summary>
[Collection(DeployerCollection.Name)]
public sealed class TwoDeployersTests(DeployerFixture host)
{
    private const string Canary = "strategy: {canary: {steps: [10%], bake: 10m, minimum: 20, error-share: 5%, p99-ratio: 50}}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // What the first one says when it loses its lock, and what it ends with.
    [Theory]
    [InlineData("ok  start", "", "better")]
    [InlineData("  | hanging", "", "better")]
    [InlineData("ok  tests", Canary, "good")]
    public async Task Deploy_LosesItsLockToAnother_TheOtherFinishesAndNoRequestFails(string loses, string more, string second)
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        var (service, locks) = (proxied.Command.Service, proxied.Command.Locks);
        var first = await proxied.DeployAsync("good");
        Assert.True(first.Code == ExitCode.Done, first.Output);

        Ended? loser = null;
        var (winner, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var losing = proxied.DeployAsync("slow", more, tests: loses == "  | hanging" ? "hang" : "pass", onLine: line =>
            {
                if (line.StartsWith(loses, StringComparison.Ordinal))
                    said.TrySetResult();
            });
            await said.Task.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);
            if (more.Length > 0)
                await proxied.UntilSharingAsync();
            var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var winning = proxied.DeployAsync(second, onLine: line =>
            {
                if (line.StartsWith("waiting up to", StringComparison.Ordinal))
                    waits.TrySetResult();
            }, args: ["--wait", "1m"]);
            await waits.Task.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);
            await locks.BreakAsync(service, Ct);
            loser = await losing;
            return await winning;
        });

        Assert.True(winner.Code == ExitCode.Done, winner.Output);
        Assert.True(loser!.Code == ExitCode.Locked, loser.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var document = await proxied.Command.DocumentAsync();
        Assert.Equal((second, null), (document!.Active!.Version, document.Split));
        Assert.DoesNotContain(await host.ContainersAsync(service), container => container.Labels[ContainerLabel.Version] == "slow");
        TestContext.Current.TestOutputHelper!.WriteLine($"{answers.Count} requests, 0 failed; the loser: {loser.Output.Split('\n').LastOrDefault(line => line.StartsWith("error", StringComparison.Ordinal))}");
    }

    [Theory]
    [InlineData("ok  promote")]
    [InlineData("ok  proxies")]
    [InlineData("ok  drain")]
    public async Task Deploy_FrozenAfterItsPromotionWhileAnotherGoesBack_StopsNothingThatServes(string frozen)
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        await DoneAsync(proxied.DeployAsync("good"));

        var (ended, answers) = await FrozenAsync(proxied, frozen, "", () => DoneAsync(proxied.Command.RunAsync(["rollback", proxied.Command.Service])));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("good", (await proxied.Command.DocumentAsync())!.Active!.Version);
        Assert.Equal(["running"], await StatesAsync(proxied, "good"));
        // Which of the two it notices first, the machine's load decides.
        Assert.Matches("the lock of .* was lost|was changed by another meanwhile", ended.Output);
    }

    [Fact]
    public async Task Deploy_FrozenBeforeItTidiesUpWhileAnotherDeploys_RemovesNoCandidateOfTheOthers()
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        await DoneAsync(proxied.DeployAsync("good"));
        var other = Task.CompletedTask;

        var (ended, answers) = await FrozenAsync(proxied, "ok  retire", "", () =>
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            other = DoneAsync(proxied.DeployAsync("slow", onLine: line =>
            {
                if (line.StartsWith("ok  start", StringComparison.Ordinal))
                    started.TrySetResult();
            }));
            return started.Task.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);
        });

        await other;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("slow", (await proxied.Command.DocumentAsync())!.Active!.Version);
        Assert.Equal(["running"], await StatesAsync(proxied, "slow"));
    }

    [Fact]
    public async Task Deploy_LosesItsLockWhenItsCanaryIsTakenOut_LeavesTheContainersAndSaysSoInOneVoice()
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        await DoneAsync(proxied.DeployAsync("good"));

        var (ended, answers) = await FrozenAsync(
            proxied, "ok  revert", "strategy: {canary: {steps: [10%], bake: 1s, minimum: 1000000, error-share: 5%}}", () => Task.CompletedTask);

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal(["running"], await StatesAsync(proxied, "better"));
        var warning = Assert.Single(ended.Output.Split('\n'), line => line.Contains("its containers are left to the next deploy: the lock of", StringComparison.Ordinal));
        Assert.DoesNotContain("production is unchanged", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_FrozenInABatchWhileAnotherEndsIt_StopsNothingThatServes()
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        await DoneAsync(proxied.DeployAsync("good", "replicas: 2"));

        var (ended, answers) = await FrozenAsync(
            proxied, "ok  drain", "replicas: 2\nstrategy: {rolling: {batch: 1, bake: 0s}}", () => DoneAsync(proxied.Command.RunAsync(["abort", proxied.Command.Service])));

        Assert.True(ended.Code == ExitCode.Locked, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var document = await proxied.Command.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal(["running", "running"], await StatesAsync(proxied, "good"));
    }

    // It is about to remove what its tests rejected: frozen when it asks whether it still has the lock, it hears of that.
    [Fact]
    public async Task Deploy_FrozenBeforeItRemovesItsCandidateWhileAnotherPromotesIt_LeavesWhatServes()
    {
        await using var deployer = new DeployerCommand(host);
        var (rejected, asked) = (false, 0);
        // For the second time, after it has asked how it ends.
        await using var consul = await HoldingFront.StartAsync(
            host.ConsulAddress, request => Volatile.Read(ref rejected) && IsOfTheLock(request, deployer) && Interlocked.Increment(ref asked) == 2);
        var running = deployer.DeployAsync("v1", "fail", args: ["--consul", consul.Address.ToString()], onLine: line =>
        {
            if (line.StartsWith("no  tests", StringComparison.Ordinal))
                Volatile.Write(ref rejected, true);
        });
        await Task.WhenAny(consul.Reached, running).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);

        await deployer.Locks.BreakAsync(deployer.Service, Ct);
        var candidate = Assert.Single(await host.ContainersAsync(deployer.Service));
        await DoneAsync(deployer.RunAsync(["promote", deployer.Service, candidate.ID[..12], "--route", $"/{deployer.Service}"]));
        consul.Release();

        var ended = await running;
        Assert.True(ended.Code == ExitCode.Rejected, ended.Output);
        Assert.Contains("its containers are left to the next deploy: the lock of", ended.Output, StringComparison.Ordinal);
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(deployer.Service)).State);
    }

    // What it has started for nothing serves by another's rollback when it is about to stop it again.
    [Fact]
    public async Task Rollback_FrozenBeforeItStopsAgainWhileAnotherGoesBack_StopsNothingThatServes()
    {
        await using var deployer = new DeployerCommand(host);
        await DoneAsync(deployer.DeployAsync("late1"));
        await DoneAsync(deployer.DeployAsync("late2"));
        var (failed, asked) = (false, 0);
        await using var consul = await HoldingFront.StartAsync(
            host.ConsulAddress, request => Volatile.Read(ref failed) && IsOfTheLock(request, deployer) && Interlocked.Increment(ref asked) == 2);
        var running = deployer.RunAsync(["rollback", deployer.Service, "--deadline", "1ms", "--consul", consul.Address.ToString()], onLine: line =>
        {
            if (line.StartsWith("no  healthy", StringComparison.Ordinal))
                Volatile.Write(ref failed, true);
        });
        await Task.WhenAny(consul.Reached, running).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);

        await deployer.Locks.BreakAsync(deployer.Service, Ct);
        await DoneAsync(deployer.RunAsync(["rollback", deployer.Service, "--drain", "100ms"]));
        consul.Release();

        var ended = await running;
        Assert.True(ended.Code == ExitCode.Unhealthy, ended.Output);
        Assert.True(ended.Output.Contains("are not stopped again (the lock of", StringComparison.Ordinal), ended.Output);
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(deployer.Service), container => container.Labels[ContainerLabel.Version] == "late1").State);
    }

    // Longer than one call has patience, as while a leader is elected.
    [Fact]
    public async Task Deploy_ConsulFailsWhenItRemovesItsCandidate_IsAskedAgainUntilItIsRemoved()
    {
        await using var deployer = new DeployerCommand(host);
        var (rejected, asked) = (false, 0);
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress,
            context => Volatile.Read(ref rejected) && IsOfTheLock(context.Request, deployer) && Interlocked.Increment(ref asked) <= 35 ? Loss.Refused : Loss.Nothing);

        var ended = await deployer.DeployAsync("v1", "fail", args: ["--consul", front.Address.ToString()], onLine: line =>
        {
            if (line.StartsWith("no  tests", StringComparison.Ordinal))
                Volatile.Write(ref rejected, true);
        });

        Assert.True(ended.Code == ExitCode.Rejected, ended.Output);
        await deployer.AssertUntouchedAsync();
    }

    // Between the last look at the routes and the transaction; the last as often as it looks.
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, int.MaxValue)]
    public async Task Deploy_AnotherServiceIsChangedInTheVeryMoment_IsRefusedOnlyWhereThatTookItsRoute(bool taken, int times)
    {
        await using var deployer = new DeployerCommand(host);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, _ => Loss.Nothing);
        var (other, transactions, index) = (ConsulFixture.Unique("svc")[..20], 0, 0UL);
        await using var held = await deployer.Locks.TryAcquireAsync(other, new LockHolder("another", "deploy", DateTimeOffset.UnixEpoch), Ct);
        front.Before = async context =>
        {
            if (context.Request.Path != "/v1/txn" || Interlocked.Increment(ref transactions) > times)
                return;
            var entry = new HistoryEntry { Number = transactions, Service = other, Action = "deploy", Outcome = Outcome.Promoted, Who = "another", At = DateTimeOffset.UnixEpoch, Seconds = 1, Release = new Release("d", "v1", "i", default) };
            index = (await deployer.Store.CommitAsync(held!, ServiceDocument.Create(other, [new Route(null, $"/{(taken ? deployer.Service : other)}", false)]), index, entry, Ct)).Index;
        };

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == (taken ? ExitCode.WrongInput : ExitCode.Done), ended.Output);
        Assert.Equal(taken, ended.Output.Contains($"the route /{deployer.Service} already leads to the service '{other}'", StringComparison.Ordinal));
        Assert.Equal(taken ? null : "v1", (await deployer.DocumentAsync())?.Active?.Version);
    }

    [Fact]
    public async Task Deploy_ConsulFailsWhileItWaitsForTheLock_WaitsOn()
    {
        await using var deployer = new DeployerCommand(host);
        var asked = 0;
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress, context => context.Request.Path == "/v1/session/create" && Interlocked.Increment(ref asked) <= 3 ? Loss.Refused : Loss.Nothing);

        var ended = await deployer.DeployAsync("v1", args: ["--wait", "1m", "--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("waiting up to 1m for the lock, which Consul does not give now: ", ended.Output, StringComparison.Ordinal);
    }

    private static bool IsOfTheLock(HttpRequest request, DeployerCommand deployer) =>
        HttpMethods.IsGet(request.Method) && request.Path == $"/v1/kv/mesh/locks/{deployer.Service}";

    private static async Task DoneAsync(Task<Ended> run)
    {
        var ended = await run;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
    }

    /// <summary>
    /// Deploys under load, and freezes the deployer when it says so, as a paused machine does: meanwhile its lock is taken away, no
    /// renewal tells it so, and another is at work.
    /// </summary>
    private async Task<(Ended Ended, List<HttpStatusCode> Answers)> FrozenAsync(ProxiedDeployer proxied, string frozen, string more, Func<Task> meanwhile)
    {
        var isFrozen = false;
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress,
            context => Volatile.Read(ref isFrozen) && context.Request.Path.StartsWithSegments("/v1/session/renew", StringComparison.Ordinal) ? Loss.Refused : Loss.Nothing);
        return await proxied.UnderLoadAsync(() => proxied.DeployAsync("better", more, args: ["--consul", front.Address.ToString()], onLine: line =>
        {
            if (Volatile.Read(ref isFrozen) || !line.StartsWith(frozen, StringComparison.Ordinal))
                return;
            Volatile.Write(ref isFrozen, true);
            // Whoever tells waits for it.
            Task.Run(
                async () =>
                {
                    await proxied.Command.Locks.BreakAsync(proxied.Command.Service, Ct);
                    await meanwhile();
                },
                Ct).GetAwaiter().GetResult();
        }));
    }

    private async Task<IEnumerable<string>> StatesAsync(ProxiedDeployer proxied, string version) =>
        (await host.ContainersAsync(proxied.Command.Service)).Where(container => container.Labels[ContainerLabel.Version] == version).Select(container => container.State);
}
