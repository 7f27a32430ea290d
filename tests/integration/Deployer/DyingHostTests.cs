using System.Net;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>One of two hosts dies in the middle, its containers with it, while requests come.</summary>
[Collection(DeployerFaultsCollection.Name)]
public sealed class DyingHostTests(DeployerFixture host) : IAsyncLifetime
{
    private const string Canary = "replicas: 2\nstrategy: {canary: {steps: [50%], bake: 8s, minimum: 20, error-share: 5%, p99-ratio: 100}}";
    private const string Beside = "replicas: 2\nstrategy: {ab: {share: 50%, header: {name: X-Beta, value: \"yes\"}}}";
    private const string Rolling = "replicas: 4\nstrategy: {rolling: {batch: 2, bake: 1s, minimum: 20, error-share: 5%}}";

    private readonly AsyncDisposables started = new();
    private SecondDocker second = null!;
    private ProxiedDeployer proxied = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        second = started.Add(await SecondDocker.StartAsync(host, Ct));
        proxied = started.Add(await ProxiedDeployer.StartAsync(host));
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // The line that says that it is in the phase, how it ends, and what runs on the host that is left.
    [Theory]
    [InlineData("ok  tests", Canary, 6, "good")]
    [InlineData("ok  retire", Rolling, 5, "good good")]
    public async Task Deploy_AHostDiesWithItsContainers_ServesOnWithWhatIsLeft(string phase, string more, int code, string serving)
    {
        string[] hosts = ["--hosts", second.HostsFile()];
        var first = await proxied.DeployAsync("good", more, args: hosts);
        Assert.True(first.Code == ExitCode.Done, first.Output);

        var inPhase = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = proxied.DeployAsync("better", more, args: hosts, onLine: line =>
            {
                if (!line.StartsWith(phase, StringComparison.Ordinal))
                    return;
                // What follows must not come before the death, but for the canary's share.
                if (more != Canary)
                    second.DieAsync().GetAwaiter().GetResult();
                inPhase.TrySetResult();
            });
            await Task.WhenAny(inPhase.Task, deploying);
            if (more == Canary)
            {
                await proxied.UntilSharingAsync();
                await second.DieAsync();
            }

            return await deploying;
        });

        await second.ReviveAsync(Ct);
        var failed = answers.Count(status => status != HttpStatusCode.OK);
        TestContext.Current.TestOutputHelper!.WriteLine($"{answers.Count} requests, {failed} failed; exit {(int)ended.Code}");
        Assert.True((int)ended.Code == code, ended.Output);
        Assert.Contains("on second", ended.Output, StringComparison.Ordinal);
        Assert.Contains(" good serves all of it again.", ended.Output, StringComparison.Ordinal);
        var document = await proxied.Command.DocumentAsync();
        Assert.Equal((serving.Split(' ')[0], null), (document!.Active!.Version, document.Split));
        Assert.Equal(
            serving.Split(' '),
            (await host.ContainersAsync(proxied.Command.Service)).Where(container => container.State == "running").Select(container => container.Labels[ContainerLabel.Version]));
        ProxiedDeployer.AssertOnlyCutOff(answers);

        var next = await proxied.DeployAsync("good", "replicas: 2", args: hosts);
        Assert.True(next.Code == ExitCode.Done, next.Output);
    }

    // By the time it is asked again Docker has started the containers anew, and has no event of before.
    [Fact]
    public async Task Deploy_AHostDiesAndIsBackWhileACanaryBakes_IsTakenOut()
    {
        string[] hosts = ["--hosts", second.HostsFile()];
        await DoneAsync(proxied.DeployAsync("good", "replicas: 2", args: hosts));

        var deploying = proxied.DeployAsync("better", Canary.Replace("bake: 8s", "bake: 10m", StringComparison.Ordinal), args: hosts);
        await proxied.UntilSharingAsync();
        await second.DieAsync();
        await second.ReviveAsync(Ct);
        var ended = await deploying.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Ct);

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("ended by itself with exit code unknown", ended.Output, StringComparison.Ordinal);
        Assert.Equal("good", (await proxied.Command.DocumentAsync())!.Active!.Version);
    }

    // In one go, for a second host takes its time to come: more than all that happens on it.
    [Fact]
    public async Task Change_AHostDiesWithItsContainers_ServesOnAndTheNextCommandFinishes()
    {
        string[] hosts = ["--hosts", second.HostsFile()];
        await DoneAsync(proxied.DeployAsync("good", "replicas: 2", args: hosts));

        await DyingAsync("scale", ["4"], "ok  start", ExitCode.Unreachable, "run 'deployer scale ", "good");
        await DoneAsync(RunAsync("scale", "4"));

        await DoneAsync(proxied.DeployAsync("better", Beside, args: hosts));
        await DyingAsync("abort", [], "ok  change", ExitCode.Done, "on second: ", "good");
        await DoneAsync(RunAsync("abort"));

        await DoneAsync(proxied.DeployAsync("better", Beside, args: hosts));
        await DyingAsync("promote", [(await proxied.Command.DocumentAsync())!.Split!.Release.Deployment], "ok  healthy", ExitCode.Done, "on second are left as they are: ", "better");
        await DoneAsync(RunAsync("scale", "2"));

        await DyingAsync("rollback", [], "ok  start", ExitCode.Unreachable, "on second: ", "better");
        await DoneAsync(RunAsync("rollback"));
        Assert.Equal("good", (await proxied.Command.DocumentAsync())!.Active!.Version);
    }

    /// <summary>The host dies when the verb has told the line; afterwards it is back.</summary>
    private async Task DyingAsync(string verb, string[] args, string line, ExitCode code, string told, string serving)
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => RunAsync(verb, args, said =>
        {
            if (said.StartsWith(line, StringComparison.Ordinal))
                second.DieAsync().GetAwaiter().GetResult();
        }));
        await second.ReviveAsync(Ct);

        TestContext.Current.TestOutputHelper!.WriteLine($"{verb}: {answers.Count} requests, {answers.Count(status => status != HttpStatusCode.OK)} failed; exit {(int)ended.Code}");
        Assert.True(ended.Code == code, ended.Output);
        Assert.Contains(told, ended.Output, StringComparison.Ordinal);
        var document = await proxied.Command.DocumentAsync();
        Assert.Equal((serving, null), (document!.Active!.Version, document.Split));
        ProxiedDeployer.AssertOnlyCutOff(answers);
    }

    private Task<Ended> RunAsync(string verb, params string[] args) => RunAsync(verb, args, onLine: null);

    private Task<Ended> RunAsync(string verb, string[] args, Action<string>? onLine) =>
        proxied.Command.RunAsync([verb, proxied.Command.Service, .. args, "--hosts", second.HostsFile()], onLine);

    private static async Task DoneAsync(Task<Ended> run)
    {
        var ended = await run;
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
    }
}
