using System.Net;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>One of two hosts dies in the middle, its containers with it, while requests come.</summary>
[Collection(DeployerFaultsCollection.Name)]
public sealed class DyingHostTests(DeployerFixture host) : IAsyncLifetime
{
    private const string Canary = "replicas: 2\nstrategy: {canary: {steps: [50%], bake: 8s, minimum: 20, error-share: 5%, p99-ratio: 100}}";
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
}
