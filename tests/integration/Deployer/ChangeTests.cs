using System.Text.Json;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>The verbs that change a service's document and promote nothing.</summary>
[Collection(DeployerCollection.Name)]
public sealed class ChangeTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task PauseMaintenanceResume_ChangeTheDocumentAndTheHistory()
    {
        await deployer.DeployAsync("v1");

        await DoneAsync("pause", deployer.Service, "--limit", "20s");
        Assert.Equal(TimeSpan.FromSeconds(20), (await deployer.DocumentAsync())!.Pause!.Limit);

        await DoneAsync("maintenance", deployer.Service, "--message", "Back at noon.", "--retry-after", "30m");
        var document = await deployer.DocumentAsync();
        Assert.Equal(("Back at noon.", TimeSpan.FromMinutes(30)), (document!.Maintenance!.Message, document.Maintenance.RetryAfter!.Value));
        Assert.Null(document.Pause);

        await DoneAsync("resume", deployer.Service);
        document = await deployer.DocumentAsync();
        Assert.Null(document!.Maintenance);
        Assert.Equal("v1", document.Active!.Version);

        Assert.Equal(
            [("deploy", Outcome.Promoted), ("pause", Outcome.Changed), ("maintenance", Outcome.Changed), ("resume", Outcome.Changed)],
            (await deployer.HistoryAsync()).Select(entry => (entry.Action, entry.Outcome)));
        var again = await deployer.RunAsync(["resume", deployer.Service]);
        Assert.Equal(ExitCode.WrongInput, again.Code);
        Assert.Contains($"is neither paused nor under maintenance: there is nothing to resume; 'deployer status {deployer.Service}' tells", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeployAndRollback_UnderMaintenance_SayAtBothEndsThatItStaysSo()
    {
        await deployer.DeployAsync("v1");
        await DoneAsync("maintenance", deployer.Service);

        foreach (var ended in new[] { await deployer.DeployAsync("v2"), await deployer.RunAsync(["rollback", deployer.Service]) })
        {
            Assert.True(ended.Code == ExitCode.Done, ended.Output);
            var told = ended.Output.Split('\n');
            Assert.Contains($"warning: {deployer.Service} is under maintenance, since ", told[1], StringComparison.Ordinal);
            Assert.Contains($"warning: {deployer.Service} is still under maintenance, since ", told[^3], StringComparison.Ordinal);
            Assert.Contains($"'deployer resume {deployer.Service}' ends that", told[^3], StringComparison.Ordinal);
        }

        Assert.EndsWith($"\ndeployer resume {deployer.Service}\n", (await deployer.RunAsync(["status", deployer.Service])).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("under maintenance", (await deployer.RunAsync(["resume", deployer.Service])).Output, StringComparison.Ordinal);
    }

    // Nobody follows at port 1, so that it is waited for.
    [Fact]
    public async Task PauseAndAbort_InterruptedWhileAProxyIsWaitedFor_AreDoneAndSaySo()
    {
        await using var watched = new DeployerCommand(host) { ProxyService = ConsulFixture.Unique("proxy") };
        Assert.Equal(ExitCode.Done, (await watched.DeployAsync("v1")).Code);
        var split = await watched.DeployAsync("v2", more: "strategy: {ab: {share: 10%}}");
        Assert.True(split.Code == ExitCode.Done, split.Output);
        await using var silent = await host.RegisterProxyAsync(watched.ProxyService, port: 1);

        var paused = await InterruptedAfterItsChangeAsync(watched, "pause");
        Assert.Contains("warning: interrupted: the change is made, but whether every proxy follows it was not waited for", paused.Output, StringComparison.Ordinal);
        Assert.NotNull((await watched.DocumentAsync())!.Pause);

        var aborted = await InterruptedAfterItsChangeAsync(watched, "abort");
        Assert.Contains($"warning: interrupted: the containers that are left stay as they are, and the next abort or deploy of {watched.Service} removes them", aborted.Output, StringComparison.Ordinal);
        Assert.Null((await watched.DocumentAsync())!.Split);
        var containers = await host.ContainersAsync(watched.Service);
        Assert.Equal(2, containers.Count);
        var stayed = containers.Single(container => container.Labels[ContainerLabel.Version] == "v2").Names[0][1..];
        Assert.Contains($"{watched.Service} is left unfinished (v1 is active): the split with v2 is over; {stayed} stays, for it may still serve, after ", aborted.Output, StringComparison.Ordinal);

        Assert.Contains("(v1 is active): 1 container removed", (await watched.RunAsync(["abort", watched.Service])).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pause_NothingActive_IsRefused()
    {
        var ended = await deployer.RunAsync(["pause", deployer.Service]);

        Assert.Equal(ExitCode.WrongInput, ended.Code);
        Assert.Contains($"nothing of '{deployer.Service}' is active", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Split_ToACandidate_ThenAnotherShare_ThenAbort()
    {
        await deployer.DeployAsync("v1");
        var candidate = await CandidateAsync();

        await DoneAsync("split", deployer.Service, candidate[..12], "--share", "10", "--header", "X-Canary=yes");
        var split = (await deployer.DocumentAsync())!.Split!;
        Assert.Equal((candidate, 10.0, new SplitMatch("X-Canary", "yes")), (split.Release.Deployment, split.Share, split.Header));

        await DoneAsync("split", deployer.Service, "--share", "50");
        split = (await deployer.DocumentAsync())!.Split!;
        Assert.Equal((candidate, 50.0, "X-Canary"), (split.Release.Deployment, split.Share, split.Header!.Name));

        await DoneAsync("abort", deployer.Service, "--drain", "100ms");
        var document = await deployer.DocumentAsync();
        Assert.Null(document!.Split);
        Assert.Equal("v1", document.Active!.Version);
        // It was started by hand: whoever did so takes it away.
        Assert.True((await host.Docker.Containers.InspectContainerAsync(candidate, Ct)).State!.Running);
        Assert.Equal(["deploy", "split", "split", "abort"], (await deployer.HistoryAsync()).Select(entry => entry.Action));
    }

    [Fact]
    public async Task Split_ThenPromote_TheSplitIsOver()
    {
        await deployer.DeployAsync("v1");
        var candidate = await CandidateAsync();
        await DoneAsync("split", deployer.Service, candidate[..12], "--share", "10");

        var refused = await deployer.RunAsync(["split", deployer.Service, "--share", "101"]);
        var promoted = await deployer.DeployAsync("v3");

        Assert.Equal(ExitCode.WrongInput, refused.Code);
        Assert.True(promoted.Code == ExitCode.Done, promoted.Output);
        var document = await deployer.DocumentAsync();
        Assert.Equal(("v3", null), (document!.Active!.Version, document.Split));
    }

    [Fact]
    public async Task Abort_AfterADeployerThatWasKilled_RemovesItsCandidate()
    {
        await deployer.DeployAsync("v1");
        // What a killed deployer leaves behind: a container of a deployment that no document names.
        await host.RunAsync("app:v2", new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ContainerLabel.Service] = deployer.Service,
            [ContainerLabel.Deployment] = DeploymentId.New(),
            [ContainerLabel.Version] = "v2",
        }, Ct);

        var ended = await DoneAsync("abort", deployer.Service);

        Assert.Contains("1 container removed", ended.Output, StringComparison.Ordinal);
        var entry = (await deployer.HistoryAsync())[^1];
        Assert.Equal(("abort", Outcome.Aborted, "v2"), (entry.Action, entry.Outcome, entry.Release.Version));
        Assert.Equal("v1", Assert.Single(await host.ContainersAsync(deployer.Service)).Labels[ContainerLabel.Version]);
        Assert.Contains("nothing was left unfinished", (await DoneAsync("abort", deployer.Service)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lock_IsToldAndTaken_AndItsHolderCannotGoOn()
    {
        await deployer.DeployAsync("v1");
        await using var held = await deployer.Locks.TryAcquireAsync(deployer.Service, new LockHolder("ci@other", "deploy of v9", TimeProvider.System.GetUtcNow()), Ct);

        var told = await DoneAsync("lock", "status", deployer.Service);
        Assert.Contains("ci@other", told.Output, StringComparison.Ordinal);
        Assert.Contains("deploy of v9", told.Output, StringComparison.Ordinal);
        var refused = await deployer.RunAsync(["pause", deployer.Service]);
        Assert.Equal(ExitCode.Locked, refused.Code);

        await DoneAsync("lock", "release", deployer.Service);

        var free = await DoneAsync("lock", "status", deployer.Service, "--json");
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(free.Stdout).RootElement.GetProperty("holder").ValueKind);
        var late = await deployer.Store.CommitAsync(held!, (await deployer.DocumentAsync())! with { Pause = new Pause(default) }, 0, Entry(), Ct);
        Assert.False(late.Committed, "whoever lost the lock must not be able to commit");
        Assert.Equal(ExitCode.WrongInput, (await deployer.RunAsync(["lock", "release", deployer.Service])).Code);
    }

    [Fact]
    public async Task Wait_ForALockThatIsGivenBack_GoesOn()
    {
        await deployer.DeployAsync("v1");
        var held = await deployer.Locks.TryAcquireAsync(deployer.Service, new LockHolder("ci@other", "deploy of v9", TimeProvider.System.GetUtcNow()), Ct);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        var pausing = deployer.RunAsync(["pause", deployer.Service, "--wait", "30s"], onLine: line =>
        {
            if (line.StartsWith("waiting up to 30s for the lock, held by ci@other", StringComparison.Ordinal))
                told.TrySetResult();
        });
        await Task.WhenAny(told.Task, pausing);
        await held!.DisposeAsync();

        var ended = await pausing;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.True(told.Task.IsCompletedSuccessfully, ended.Output);
    }

    private async Task<Ended> DoneAsync(params string[] args)
    {
        var ended = await deployer.RunAsync(args);
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        return ended;
    }

    // A container that was started by hand, healthy in the catalog.
    private static async Task<Ended> InterruptedAfterItsChangeAsync(DeployerCommand watched, string verb)
    {
        using var interruption = new CancellationTokenSource();
        var ended = await watched.RunAsync([verb, watched.Service], interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  change", StringComparison.Ordinal))
                interruption.Cancel();
        });
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        return ended;
    }

    private async Task<string> CandidateAsync()
    {
        var id = await host.RunAsync("app:v2", new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SERVICE_5000_NAME"] = deployer.Service,
            ["SERVICE_5000_CHECK_HTTP"] = "/",
            ["SERVICE_5000_CHECK_INTERVAL"] = "1s",
        }, Ct);
        await ConsulFixture.Until(
            (q, token) => host.Consul.Health.Service(deployer.Service, "candidate", passingOnly: true, q, token),
            entries => entries.Any(entry => entry.Service.Meta[InstanceMeta.Container] == id));
        return id;
    }

    private HistoryEntry Entry() => new()
    {
        Number = 9,
        Service = deployer.Service,
        Action = "pause",
        Outcome = Outcome.Changed,
        Who = "ci@other",
        At = TimeProvider.System.GetUtcNow(),
        Seconds = 0,
        Release = new Release("x", "v9", "i", default),
    };
}
