using Docker.DotNet.Models;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerFaultsCollection.Name)]
public sealed class SeveralHostsTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly DeployerCommand deployer = new(host);
    private SecondDocker second = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        second = started.Add(await SecondDocker.StartAsync(host, Ct));
        started.Add(deployer);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Deploy_TwoHosts_SpreadsRetiresAndRollsBackOnBoth()
    {
        var first = await DeployAsync("v1", replicas: 3);
        Assert.True(first.Code == ExitCode.Done, first.Output);
        Assert.Contains("3 containers of deployment ", first.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1", "running v1"], await OnFirstAsync());
        Assert.Equal(["running v1"], await OnSecondAsync());

        var next = await DeployAsync("v2", replicas: 2);
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.Equal(["exited v1", "exited v1", "running v2"], await OnFirstAsync());
        Assert.Equal(["exited v1", "running v2"], await OnSecondAsync());

        var back = await deployer.RunAsync(["rollback", deployer.Service, "--hosts", second.HostsFile()]);
        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Equal(["exited v2", "running v1", "running v1"], await OnFirstAsync());
        Assert.Equal(["exited v2", "running v1"], await OnSecondAsync());
    }

    [Fact]
    public async Task ScaleAndLogs_TwoHosts_StayEvenAndAreReadOnBoth()
    {
        var first = await DeployAsync("v1", replicas: 2);
        Assert.True(first.Code == ExitCode.Done, first.Output);

        var more = await deployer.RunAsync(["scale", deployer.Service, "4", "--hosts", second.HostsFile()]);
        Assert.True(more.Code == ExitCode.Done, more.Output);
        Assert.Equal(["running v1", "running v1"], await OnFirstAsync());
        Assert.Equal(["running v1", "running v1"], await OnSecondAsync());

        var logs = await deployer.RunAsync(["logs", deployer.Service, "--tail", "1", "--hosts", second.HostsFile()]);
        Assert.True(logs.Code == ExitCode.Done, logs.Output);
        Assert.Equal(4, logs.Output.Split('\n').Where(line => line.Contains(" | ", StringComparison.Ordinal)).Select(line => line.Split(" | ")[0]).Distinct().Count());

        var less = await deployer.RunAsync(["scale", deployer.Service, "2", "--drain", "100ms", "--hosts", second.HostsFile()]);
        Assert.True(less.Code == ExitCode.Done, less.Output);
        Assert.Equal(["running v1"], await OnFirstAsync());
        Assert.Equal(["running v1"], await OnSecondAsync());
    }

    [Fact]
    public async Task Deploy_TheManifestNamesOneHost_RunsOnThatOne()
    {
        var ended = await DeployAsync("v1", more: "hosts: [second]");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Empty(await OnFirstAsync());
        Assert.Equal(["running v1", "running v1"], await OnSecondAsync());
    }

    [Fact]
    public async Task Deploy_TestsOnProduction_RunBesideTheCandidate()
    {
        var ended = await deployer.DeployAsync(
            "v1", change: "timeout: 20s=>on: production", more: "hosts: [second]", args: ["--hosts", second.HostsFile("tests: {docker: \"unix:///no/such.sock\"}")]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("3 passed, 0 failed", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_AHostIsAway_ChangesNothingUnlessItMayBe()
    {
        await second.EndAsync();

        var refused = await DeployAsync("v1");
        Assert.True(refused.Code == ExitCode.Unreachable, refused.Output);
        Assert.Contains("host second is away, and nothing was changed: ", refused.Output, StringComparison.Ordinal);
        Assert.Contains("give --allow-degraded", refused.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();

        var degraded = await DeployAsync("v1", args: ["--allow-degraded"]);
        Assert.True(degraded.Code == ExitCode.Done, degraded.Output);
        Assert.Contains("warning: going on without host second: ", degraded.Output, StringComparison.Ordinal);
        Assert.Equal(["running v1", "running v1"], await OnFirstAsync());
    }

    [Fact]
    public async Task Deploy_AHostThatIsNotWantedIsAway_GoesOn()
    {
        await second.EndAsync();

        var ended = await DeployAsync("v1", more: "hosts: [first]");

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("warning: going on without host second: ", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_Interrupted_IsNoFaultOfAHost()
    {
        using var interruption = new CancellationTokenSource();
        var ended = await deployer.DeployAsync("v1", change: "port: 5000=>port: 5000\nreplicas: 2", args: ["--hosts", second.HostsFile()], interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  pull", StringComparison.Ordinal))
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        await deployer.AssertUntouchedAsync();
    }

    [Theory]
    [InlineData("abort")]
    [InlineData("deploy")]
    public async Task Deploy_KilledWhileTheTestsRunOnAHostOfTheirOwn_LeavesThemToTheNext(string next)
    {
        var hosts = second.TestsOnlyFile();
        await using (var process = new DeployerProcess(
            "deploy", await deployer.WriteManifestAsync("hang"), "--version", "v1", "--consul", host.ConsulAddress.ToString(), "--hosts", hosts, "--environment", host.Environment, "--proxy-service", "none"))
        {
            Assert.True(await process.SaysAsync("  | hanging", TimeSpan.FromMinutes(1), Ct));
            process.Kill();
        }

        Assert.Equal(["running v1"], await OnSecondAsync());
        var ended = next == "abort"
            ? await deployer.RunAsync(["abort", deployer.Service, "--hosts", hosts, "--wait", "1m"])
            : await deployer.DeployAsync("v2", args: ["--hosts", hosts, "--wait", "1m"]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Empty(await OnSecondAsync());
    }

    [Fact]
    public async Task Deploy_AHostDiesWhileTheTestsRun_IsUndoneAndFinishedByTheNext()
    {
        var death = Task.CompletedTask;
        var ended = await deployer.DeployAsync("v1", "hang", change: "port: 5000=>port: 5000\nreplicas: 2", args: ["--hosts", second.HostsFile()], onLine: line =>
        {
            if (line == "  | hanging")
                death = second.EndAsync();
        });
        await death;

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("error: on second: ", ended.Output, StringComparison.Ordinal);
        Assert.Null(await deployer.DocumentAsync());
        Assert.Empty(await OnFirstAsync());

        await second.ReviveAsync(Ct);
        var next = await DeployAsync("v2");
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.Contains("left behind by an earlier attempt", next.Output, StringComparison.Ordinal);
        Assert.Equal(["running v2"], await OnSecondAsync());
    }

    [Fact]
    public async Task Deploy_TheTestsHostDiesWhileTheyRun_IsToldByItsName()
    {
        var death = Task.CompletedTask;
        var ended = await deployer.DeployAsync("v1", "hang", args: ["--hosts", second.TestsOnlyFile()], onLine: line =>
        {
            if (line == "  | hanging")
                death = second.EndAsync();
        });
        await death;

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("error: on the tests' host: Docker ", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    // The line with which the phase before ends. Pull, start and healthy end the deployment, and what comes after the tests does not.
    [Theory]
    [InlineData("ok  lock", 5, "good")]
    [InlineData("ok  pull", 5, "good")]
    [InlineData("ok  start", 5, "good")]
    [InlineData("ok  promote", 0, "better")]
    public async Task Deploy_AHostDiesInThisPhase_LeavesOneReleaseActiveAndIsFinishedByTheNext(string phase, int code, string active)
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        var service = proxied.Command.Service;
        Assert.Equal(ExitCode.Done, (await DeployAsync("good")).Code);
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("better", line =>
        {
            if (line.StartsWith(phase, StringComparison.Ordinal))
                second.EndAsync().GetAwaiter().GetResult();
        }));

        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Contains(code == 0 ? " on second" : "error: on second: ", ended.Output, StringComparison.Ordinal);
        ProxiedDeployer.AssertOnlyCutOff(answers);
        Assert.InRange(answers.Count, 100, int.MaxValue);
        Assert.Equal(active, (await proxied.Command.DocumentAsync())!.Active!.Version);
        // The release that serves lost nothing on the host that is left.
        Assert.Contains($"running {active}", Told(await host.ContainersAsync(service)));

        await second.ReviveAsync(Ct);
        var next = await DeployAsync("slow");
        Assert.True(next.Code == ExitCode.Done, next.Output);
        Assert.Equal([$"exited {active}", "running slow"], Told(await host.ContainersAsync(service)));
        Assert.Equal([$"exited {active}", "running slow"], Told(await second.ContainersAsync(service)));

        Task<Ended> DeployAsync(string version, Action<string>? onLine = null) =>
            proxied.DeployAsync(version, "replicas: 2", onLine: onLine, args: ["--hosts", second.HostsFile()]);
    }

    [Fact]
    public async Task Deploy_AHostHangsAfterThePromotion_SaysWhatIsLeftAndEnds()
    {
        await DeployAsync("v1");
        var ended = await DeployAsync("v2", onLine: line =>
        {
            if (line.StartsWith("ok  promote", StringComparison.Ordinal))
                second.Freeze();
        });
        second.Thaw();

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains($"warning: the containers of {deployer.Service} on second are left as they are: ", ended.Output, StringComparison.Ordinal);
        Assert.Equal("v2", (await deployer.DocumentAsync())!.Active!.Version);
        Assert.Equal(["exited v1", "running v2"], await OnFirstAsync());
    }

    [Theory]
    [InlineData("", 1, "would be reached without TLS")]
    [InlineData("--insecure", 5, "cannot be reached")]
    public async Task Deploy_WithoutCertificates_IsRefused(string option, int code, string why)
    {
        string[] options = option.Length > 0 ? [option] : [];
        var ended = await deployer.DeployAsync("v1", args: ["--docker", second.Address.ToString(), .. options]);

        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Contains(why, ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    private Task<Ended> DeployAsync(string version, int replicas = 2, string more = "", Action<string>? onLine = null, params string[] args) =>
        deployer.DeployAsync(
            version, change: $"port: 5000=>port: 5000\nreplicas: {replicas}", more: more, onLine: onLine, args: ["--hosts", second.HostsFile(), .. args]);

    private async Task<string[]> OnFirstAsync() => Told(await host.ContainersAsync(deployer.Service));

    private async Task<string[]> OnSecondAsync() => Told(await second.ContainersAsync(deployer.Service));

    private static string[] Told(IEnumerable<ContainerListResponse> containers) =>
        [.. containers.Select(container => $"{container.State} {container.Labels["mesh.version"]}").Order(StringComparer.Ordinal)];
}
