using System.Net;
using Consul;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Releases of several moods come into the traffic of a real proxy by steps, or are watched afterwards.</summary>
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

    private ProxiedDeployer proxied = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private DeployerCommand Deployer => proxied.Command;

    public async ValueTask InitializeAsync()
    {
        proxied = await ProxiedDeployer.StartAsync(host);
        var first = await DeployAsync("good", Canary);
        Assert.True(first.Code == ExitCode.Done, first.Output);
    }

    public ValueTask DisposeAsync() => proxied.DisposeAsync();

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
        Assert.Contains("of the active release's", ended.Output, StringComparison.Ordinal);
        // A tenth of the traffic for some seconds, of which a third failed; not one more.
        Assert.InRange(answers.Count(status => status == HttpStatusCode.InternalServerError), 1, answers.Count / 10);
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.InternalServerError, status.ToString()));
    }

    [Fact]
    public async Task Canary_AReleaseThatIsSlow_IsTakenOutAgain()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("slow", Canary.Replace("p99-ratio: 50", "p99-ratio: 4", StringComparison.Ordinal)));

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
        var ended = await DeployAsync("slow", Canary.Replace("p99-ratio: 50", "p99-ratio: 4", StringComparison.Ordinal) + "\n    synthetic: /work");

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
            var deploying = DeployAsync("better", Canary.Replace("bake: 3s", "bake: 10m", StringComparison.Ordinal), interruption);
            await proxied.Proxy.UntilAsync(Deployer.Service, account => account.GetProperty("releases").GetArrayLength() == 2);
            await interruption.CancelAsync();
            return await deploying;
        });

        Assert.True(ended.Code == ExitCode.Interrupted, ended.Output);
        Assert.Null((await Deployer.DocumentAsync())!.Split);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task Canary_AProxyDoesNotFollow_IsEndedAndItsContainersStayForThatProxy()
    {
        // Nobody knows what a proxy that is silent still sends where.
        await host.Consul.Agent.ServiceRegister(
            new AgentServiceRegistration { ID = $"{Deployer.ProxyService}-silent", Name = Deployer.ProxyService, Address = "127.0.0.1", Port = 1 }, Ct);

        var ended = await DeployAsync("better", Canary);
        await host.Consul.Agent.ServiceDeregister($"{Deployer.ProxyService}-silent", Ct);

        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains("does not answer: until it follows, whatever leaves the traffic is kept running for it", ended.Output, StringComparison.Ordinal);
        Assert.Contains("does not answer, so the candidate's figures would not be whole", ended.Output, StringComparison.Ordinal);
        var document = await Deployer.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Contains(
            await host.ContainersAsync(Deployer.Service),
            container => container.Labels[ContainerLabel.Version] == "better" && container.State == "running");
    }

    [Fact]
    public async Task Watch_AReleaseThatFailsAfterItsPromotion_IsReverted()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("failing", "watch: {for: 20s, error-share: 5%, minimum: 20}"));

        await AssertRevertedAsync(ended, "was promoted and reverted: observed");
        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.InternalServerError, status.ToString()));
        Assert.Equal(Outcome.Reverted, (await Deployer.HistoryAsync())[^1].Outcome);
    }

    [Fact]
    public async Task Watch_AReleaseThatFailsBesideAnUnfinishedSplit_LeavesTheActiveReleaseAlone()
    {
        Assert.Equal(ExitCode.Done, (await DeployAsync("better", "strategy: {ab: {share: 10%}}")).Code);

        var (ended, _) = await proxied.UnderLoadAsync(() => DeployAsync("failing", "watch: {for: 20s, error-share: 5%, minimum: 20}"));

        await AssertRevertedAsync(ended, "was promoted and reverted: observed");
    }

    [Fact]
    public async Task Watch_AReleaseThatDoesWell_Stays()
    {
        var (ended, answers) = await proxied.UnderLoadAsync(() => DeployAsync("better", "watch: {for: 2s, error-share: 5%, minimum: 20}"));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Equal("better", (await Deployer.DocumentAsync())!.Active!.Version);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    private async Task AssertRevertedAsync(Ended ended, string reason)
    {
        Assert.True(ended.Code == ExitCode.Reverted, ended.Output);
        Assert.Contains(reason, ended.Output, StringComparison.Ordinal);
        var document = await Deployer.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal("good", Assert.Single(await host.ContainersAsync(Deployer.Service)).Labels[ContainerLabel.Version]);
    }

    private Task<Ended> DeployAsync(string version, string more, CancellationTokenSource? interruption = null) =>
        proxied.DeployAsync(version, more, interruption: interruption);
}
