using Consul;
using Docker.DotNet.Models;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class DeployTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Rollback_ToAWarmRelease_TakesNoStartAndKeepsTheOtherWarm()
    {
        await deployer.DeployAsync("v1");
        await deployer.DeployAsync("v2", more: "warm: 1");

        var back = await deployer.RunAsync(["rollback", deployer.Service]);

        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Contains("its containers still run", back.Output, StringComparison.Ordinal);
        Assert.Equal("v1", (await deployer.DocumentAsync())!.Active!.Version);
        Assert.Equal(["running", "running"], (await host.ContainersAsync(deployer.Service)).Select(container => container.State));
    }

    [Fact]
    public async Task Deploy_TwoVersionsThenRollback_ChangesTheDocumentAndKeepsTheOldOne()
    {
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        Assert.Contains("3 passed, 0 failed", first.Output, StringComparison.Ordinal);
        Assert.Contains("for v1", first.Output, StringComparison.Ordinal);

        var second = await deployer.DeployAsync("v2");
        Assert.True(second.Code == ExitCode.Done, second.Output);
        var document = await deployer.DocumentAsync();
        Assert.Equal(("v2", "v1"), (document!.Active!.Version, document.Previous!.Version));
        Assert.StartsWith($"{host.Registry}/app@sha256:", document.Active.Image, StringComparison.Ordinal);
        Assert.Equal(["exited v1", "running v2"], await StatesAsync());

        var back = await deployer.RunAsync(["rollback", deployer.Service, "--drain", "100ms"]);
        Assert.True(back.Code == ExitCode.Done, back.Output);
        document = await deployer.DocumentAsync();
        Assert.Equal(("v1", "v2"), (document!.Active!.Version, document.Previous!.Version));
        Assert.Equal(["exited v2", "running v1"], await StatesAsync());

        var history = await deployer.HistoryAsync();
        Assert.Equal(
            [("deploy", "v1", Outcome.Promoted, (int?)3), ("deploy", "v2", Outcome.Promoted, 3), ("rollback", "v1", Outcome.Promoted, null)],
            history.Select(entry => (entry.Action, entry.Release.Version, entry.Outcome, entry.Tests.SingleOrDefault()?.Passed)));
        Assert.Equal("v1", history[1].Replaced!.Version);
        Assert.All(history.Take(2).Select(entry => entry.Tests.Single()), run =>
        {
            Assert.StartsWith($"{host.Registry}/tests@sha256:", run.Image, StringComparison.Ordinal);
            Assert.True(run.Seconds > 0);
        });
    }

    [Fact]
    public async Task Deploy_ThreeVersions_RemovesWhatIsBeyondKeep()
    {
        foreach (var version in new[] { "v1", "v2", "v3" })
        {
            var ended = await deployer.DeployAsync(version);
            Assert.True(ended.Code == ExitCode.Done, ended.Output);
        }

        Assert.Equal(["exited v2", "running v3"], await StatesAsync());
        var gone = await deployer.RunAsync(["rollback", deployer.Service, "--to", "v1"]);
        Assert.Equal(ExitCode.WrongInput, gone.Code);
        Assert.Contains($"the containers of {deployer.Service} v1 (deployment ", gone.Output, StringComparison.Ordinal);
        Assert.Contains(" are gone. There is: v2 (deployment ", gone.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_RejectedByItsTests_LeavesTheActiveReleaseAsItWas()
    {
        var ct = TestContext.Current.CancellationToken;
        await deployer.DeployAsync("v1");
        var before = await deployer.Store.ReadAsync(deployer.Service, ct);

        var rejected = await deployer.DeployAsync("v2", tests: "fail");

        Assert.Equal(ExitCode.Rejected, rejected.Code);
        Assert.Contains($"{deployer.Service} v2 was rejected by its tests: 2 passed, 1 failed (exit code 1).", rejected.Output, StringComparison.Ordinal);
        // What the candidate itself said of it, beside the tests.
        Assert.Contains("listening on", rejected.Output, StringComparison.Ordinal);
        Assert.Equal(before!.Index, (await deployer.Store.ReadAsync(deployer.Service, ct))!.Index);
        Assert.Equal(["running v1"], await StatesAsync());
        var entry = (await deployer.HistoryAsync())[^1];
        var run = Assert.Single(entry.Tests);
        Assert.Equal((Outcome.Rejected, 1, 2, 1), (entry.Outcome, run.ExitCode, run.Passed, run.Failed));
        Assert.Equal("2 passed, 1 failed", run.LogTail);
    }

    [Theory]
    [InlineData("killed", "they were killed, or their container was removed (exit code 137)")]
    [InlineData("hang", "its tests did not end within 5s")]
    public async Task Deploy_TestsThatDieOrHang_AreARejection(string tests, string reason)
    {
        var ended = await deployer.DeployAsync("v1", tests, change: "timeout: 20s=>timeout: 5s");

        Assert.Equal(ExitCode.Rejected, ended.Code);
        Assert.Contains(reason, ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_TestsThatPrintTenMegabytes_KeepOnlyTheEnd()
    {
        var ended = await deployer.DeployAsync("v1", "noisy");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        var tail = (await deployer.HistoryAsync())[0].Tests[0].LogTail;
        Assert.EndsWith("1 passed, 0 failed", tail, StringComparison.Ordinal);
        Assert.InRange(tail.Length, 100, 16 * 1024);
    }

    [Fact]
    public async Task Deploy_CandidateThatEnds_IsNoticedAtOnceWithItsLastWords()
    {
        var ended = await deployer.DeployAsync("exits", change: "deadline: 20s=>deadline: 10m");

        Assert.Equal(ExitCode.Unhealthy, ended.Code);
        Assert.Contains("ended by itself with exit code 7. Production is unchanged.", ended.Output, StringComparison.Ordinal);
        Assert.Contains("no database", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
        Assert.Equal(Outcome.Unhealthy, Assert.Single(await deployer.HistoryAsync()).Outcome);
    }

    [Fact]
    public async Task Deploy_CandidateThatNeverAnswers_IsUnhealthyAtTheDeadline()
    {
        var ended = await deployer.DeployAsync("silent", change: "deadline: 20s=>deadline: 10s");

        Assert.Equal(ExitCode.Unhealthy, ended.Code);
        Assert.Contains("did not become healthy within 10s: 0 of 1 instances were passing", ended.Output, StringComparison.Ordinal);
        // The kernel's word: nobody listens, or the one who forwards hangs up.
        Assert.Matches("Its check says: Get \".+\": .*(refused|reset|EOF)", ended.Output);
        Assert.Contains("| asleep", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_CandidateThatEndsDuringItsTests_IsUnhealthyAlthoughDockerWouldStartItAgain()
    {
        var end = Task.CompletedTask;
        var ended = await deployer.DeployAsync("v1", "hang", onLine: line =>
        {
            if (line == "  | hanging")
                end = EndCandidateAsync();
        });
        await end;

        Assert.True(ended.Code == ExitCode.Unhealthy, ended.Output);
        Assert.Contains("ended by itself with exit code 137. Production is unchanged.", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    // They ask one of the instances only.
    [Fact]
    public async Task Deploy_AnInstanceIsIllAfterTheTests_IsNotPromoted()
    {
        var ended = await deployer.DeployAsync("v1", change: "deadline: 20s=>deadline: 10s", more: "replicas: 2", onLine: line =>
        {
            if (line.StartsWith("ok  tests", StringComparison.Ordinal))
                Task.Run(PauseOneAsync).GetAwaiter().GetResult();
        });

        Assert.True(ended.Code == ExitCode.Unhealthy, ended.Output);
        Assert.Contains("did not become healthy within 10s: 1 of 2 instances were passing", ended.Output, StringComparison.Ordinal);
        Assert.Contains("no  healthy", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Theory]
    [InlineData("deploy", "ok  tests")]
    [InlineData("promote", "ok  healthy")]
    public async Task Run_AnotherServiceTakesItsRouteMeanwhile_IsRefused(string verb, string meanwhile)
    {
        var ct = TestContext.Current.CancellationToken;
        var other = ConsulFixture.Unique("svc")[..20];
        var taken = new KVPair($"mesh/services/{other}") { Value = DocumentFormat.Write(ServiceDocument.Create(other, [new Route(null, $"/{deployer.Service}", false)])) };
        void OnLine(string line)
        {
            if (line.StartsWith(meanwhile, StringComparison.Ordinal))
                Task.Run(() => host.Consul.KV.Put(taken, ct), ct).GetAwaiter().GetResult();
        }

        try
        {
            var ended = verb == "deploy"
                ? await deployer.DeployAsync("v1", onLine: OnLine)
                : await deployer.RunAsync(["promote", deployer.Service, (await StartByHandAsync("app:v1"))[..6], "--route", $"/{deployer.Service}"], OnLine);

            Assert.True(ended.Code == ExitCode.WrongInput, ended.Output);
            Assert.Contains($"the route /{deployer.Service} already leads to the service '{other}'", ended.Output, StringComparison.Ordinal);
            Assert.Null(await deployer.DocumentAsync());
        }
        finally
        {
            await host.Consul.KV.Delete(taken.Key, CancellationToken.None);
        }
    }

    [Fact]
    public async Task Deploy_ConsulFailsInTheLastLookAtTheRoutes_PromotesAllTheSame()
    {
        var (tested, looks) = (false, 0);
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress,
            context => Volatile.Read(ref tested) && context.Request.Path == "/v1/kv/mesh/services/" && Interlocked.Increment(ref looks) == 1 ? Loss.Refused : Loss.Nothing);

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()], onLine: line =>
        {
            if (line.StartsWith("ok  tests", StringComparison.Ordinal))
                Volatile.Write(ref tested, true);
        });

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.True(looks > 1, ended.Output);
    }

    [Fact]
    public async Task Deploy_AfterACrash_RemovesItsLeftoversAndNothingElse()
    {
        var ct = TestContext.Current.CancellationToken;
        await host.RunAsync("app:v1", new() { ["mesh.service"] = deployer.Service, ["mesh.deployment"] = DeploymentId.New(), ["mesh.version"] = "v0" }, ct);
        var byHand = await host.RunAsync("app:v1", new() { ["SERVICE_NAME"] = deployer.Service }, ct);
        var elsewhere = await host.RunAsync("app:v1", new() { ["mesh.environment"] = "another", ["mesh.service"] = deployer.Service, ["mesh.deployment"] = DeploymentId.New() }, ct);

        var ended = await deployer.DeployAsync("v1");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("left behind by an earlier attempt", ended.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1"], await StatesAsync());
        Assert.True((await host.Docker.Containers.InspectContainerAsync(byHand, ct)).State!.Running);
        // Throws if it is gone.
        await host.Docker.Containers.RemoveContainerAsync(elsewhere, new ContainerRemoveParameters { Force = true }, ct);
    }

    [Fact]
    public async Task Promote_AContainerStartedByHand_BecomesActive()
    {
        var ct = TestContext.Current.CancellationToken;
        var id = await StartByHandAsync("app:v2");

        var unrouted = await deployer.RunAsync(["promote", deployer.Service, id[..6]]);
        var promoted = await deployer.RunAsync(["promote", deployer.Service, id[..6], "--route", $"/{deployer.Service}"]);

        Assert.Equal(ExitCode.WrongInput, unrouted.Code);
        Assert.Contains("has no route yet: say which way leads to it", unrouted.Output, StringComparison.Ordinal);
        Assert.True(promoted.Code == ExitCode.Done, promoted.Output);
        var active = (await deployer.DocumentAsync())!.Active!;
        Assert.Equal((id, "v2"), (active.Deployment, active.Version));
        Assert.Contains("@sha256:", active.Image, StringComparison.Ordinal);

        var next = await deployer.DeployAsync("v3");
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.False((await host.Docker.Containers.InspectContainerAsync(id, ct)).State!.Running);
    }

    private async Task EndCandidateAsync()
    {
        var candidate = (await host.ContainersAsync(deployer.Service)).Single(container => container.Names[0].EndsWith("-1", StringComparison.Ordinal));
        await host.Docker.Containers.KillContainerAsync(candidate.ID, new ContainerKillParameters { Signal = "KILL" }, TestContext.Current.CancellationToken);
    }

    private async Task PauseOneAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        await host.Docker.Containers.PauseContainerAsync((await host.ContainersAsync(deployer.Service))[0].ID, ct);
        await ConsulFixture.Until(
            (q, token) => host.Consul.Health.Service(deployer.Service, null, false, q, token), instances => instances.Any(instance => !Instance.From(instance).IsHealthy));
    }

    private async Task<string> StartByHandAsync(string image)
    {
        var labels = new Dictionary<string, string> { ["SERVICE_NAME"] = deployer.Service, ["SERVICE_CHECK_HTTP"] = "/", ["SERVICE_CHECK_INTERVAL"] = "1s" };
        var id = await host.RunAsync(image, labels, TestContext.Current.CancellationToken);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(deployer.Service, null, false, q, token), instances => instances.Length == 1);
        return id;
    }

    private async Task<string[]> StatesAsync() =>
    [
        .. (await host.ContainersAsync(deployer.Service))
            .Select(container => $"{container.State} {container.Labels["mesh.version"]}").Order(StringComparer.Ordinal),
    ];
}
