using System.Net;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Consul's connection breaks in the very transaction: the deployer must find out whether it took place.</summary>
[Collection(DeployerCollection.Name)]
public sealed class LostAnswerTests(DeployerFixture host) : IAsyncDisposable
{
    private const string Canary = "strategy: {canary: {steps: [10%, 50%], bake: 2s, minimum: 20, error-share: 5%, p99-ratio: 50}}";
    private const string Rolling = "replicas: 2\nstrategy: {rolling: {batch: 1, bake: 1s, minimum: 20, error-share: 5%}}";
    private const string Watch = "watch: {for: 20s, error-share: 5%, minimum: 20}";

    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Deploy_ThePromotionTookPlace_IsDone()
    {
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(1, Loss.Answer));

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("Consul went away during the promotion", ended.Output, StringComparison.Ordinal);
        Assert.Contains("ok  retire", ended.Output, StringComparison.Ordinal);
        Assert.Equal("v1", (await deployer.DocumentAsync())!.Active!.Version);
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(deployer.Service)).State);
        Assert.Equal(Outcome.Promoted, Assert.Single(await deployer.HistoryAsync()).Outcome);
    }

    [Fact]
    public async Task Deploy_ThePromotionDidNotTakePlace_IsUndoneAndInTheHistory()
    {
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(1, Loss.Request));

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("it did not take place", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
        Assert.Equal(Outcome.Aborted, Assert.Single(await deployer.HistoryAsync()).Outcome);
    }

    // It is asked before anything is sent: nothing can be lost by it, and it is asked again.
    [Fact]
    public async Task Deploy_TheNumberOfItsEntryIsRefusedForAMoment_IsPromoted()
    {
        var asked = 0;
        await using var front = await LossyConsul.StartAsync(
            host.ConsulAddress, context => context.Request.Query.ContainsKey("keys") && Interlocked.Increment(ref asked) <= 2 ? Loss.Refused : Loss.Nothing);

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal(3, asked);
        Assert.DoesNotContain("Consul went away", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deploy_ItsTokenMayNotTakeTheLockAgain_SaysSoAndNotThatConsulIsAway()
    {
        var lost = LossyConsul.Transaction(1, Loss.Request);
        var isLost = false;
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, context =>
        {
            isLost |= context.Request.Path == "/v1/txn";
            return isLost && context.Request.Path == "/v1/session/create" ? Loss.Forbidden : lost(context);
        });

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("Give a token that may do this in CONSUL_HTTP_TOKEN.", ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("did not answer within", ended.Output, StringComparison.Ordinal);
    }

    // The document is no longer what was written, and the release is the active one all the same.
    [Fact]
    public async Task Deploy_AnotherChangesTheDocumentBeforeItIsKnown_LeavesTheActiveReleaseAlone()
    {
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(1, Loss.Answer));
        var paused = false;
        front.Before = async context =>
        {
            if (paused || context.Request.Path != $"/v1/kv/mesh/history/{deployer.Service}/" || await deployer.DocumentAsync() is null)
                return;
            paused = true;
            Assert.Equal(ExitCode.Done, (await deployer.RunAsync(["pause", deployer.Service])).Code);
        };

        var ended = await deployer.DeployAsync("v1", args: ["--consul", front.Address.ToString()]);

        Assert.True(paused, ended.Output);
        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        var document = await deployer.DocumentAsync();
        Assert.Equal("v1", document!.Active!.Version);
        Assert.NotNull(document.Pause);
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(deployer.Service)).State);
    }

    [Theory]
    [InlineData(Canary)]
    [InlineData(Rolling)]
    public async Task Deploy_TheAnswerToItsFirstShareIsLost_GoesOnAndFailsNoRequest(string strategy)
    {
        await using var proxied = await ServingAsync(strategy);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(1, Loss.Answer));

        var (ended, answers) = await proxied.UnderLoadAsync(() => proxied.DeployAsync("better", strategy, args: ["--consul", front.Address.ToString()]));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("finding out whether it took place", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("better", (await proxied.Command.DocumentAsync())!.Active!.Version);
    }

    // The share is the first transaction, the way back the second.
    [Theory]
    [InlineData("Request")]
    [InlineData("Answer")]
    public async Task Deploy_TheWayBackIsLost_IsFoundOutAndTakenOnce(string lost)
    {
        await using var proxied = await ServingAsync(Canary);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(2, Enum.Parse<Loss>(lost)));
        using var interruption = new CancellationTokenSource();

        var (ended, answers) = await proxied.UnderLoadAsync(async () =>
        {
            var deploying = proxied.DeployAsync("better", Canary.Replace("bake: 2s", "bake: 10m", StringComparison.Ordinal), interruption: interruption, args: ["--consul", front.Address.ToString()]);
            await proxied.UntilSharingAsync();
            await interruption.CancelAsync();
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var document = await proxied.Command.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(proxied.Command.Service)).Labels[ContainerLabel.Version]);
        Assert.Equal([Outcome.Promoted, Outcome.Changed, Outcome.Reverted], (await proxied.Command.HistoryAsync()).Select(entry => entry.Outcome));
    }

    // The promotion is the first transaction, the reversion of it the second.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Watch_AnAnswerIsLost_IsRevertedAndSaysSo(int transaction)
    {
        await using var proxied = await ServingAsync(Watch);
        await using var front = await LossyConsul.StartAsync(host.ConsulAddress, LossyConsul.Transaction(transaction, Loss.Answer));

        var (ended, _) = await proxied.UnderLoadAsync(() => proxied.DeployAsync("failing", Watch, args: ["--consul", front.Address.ToString()]));

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("failing was promoted and reverted: observed", ended.Output, StringComparison.Ordinal);
        Assert.Equal("good", (await proxied.Command.DocumentAsync())!.Active!.Version);
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(proxied.Command.Service)).Labels[ContainerLabel.Version]);
    }

    private Task<ProxiedDeployer> ServingAsync(string more)
    {
        var started = new AsyncDisposables();
        return started.StartAsync(async () =>
        {
            var proxied = started.Add(await ProxiedDeployer.StartAsync(host));
            var first = await proxied.DeployAsync("good", more.Replace("watch:", "#", StringComparison.Ordinal));
            Assert.True(first.Code == ExitCode.Done, first.Output);
            return proxied;
        });
    }
}
