using System.Net;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Two releases side by side until a person decides.</summary>
[Collection(DeployerCollection.Name)]
public sealed class AbTests(DeployerFixture host) : IAsyncLifetime
{
    private const string Ab = "strategy: {ab: {share: 10%, header: {name: X-Beta, value: \"yes\"}}}";

    private readonly AsyncDisposables started = new();
    private ProxiedDeployer deployer = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        deployer = started.Add(await ProxiedDeployer.StartAsync(host));
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("good", Ab)).Code);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Theory]
    [InlineData("promote", "better")]
    [InlineData("abort", "good")]
    public async Task Ab_ATestedRelease_StaysBesideTheActiveOneUntilItIsEnded(string verb, string active)
    {
        var service = deployer.Command.Service;
        Release? release = null;
        var (ended, answers) = await deployer.UnderLoadAsync(async () =>
        {
            var split = await deployer.DeployAsync("better", Ab + "\ntraffic: {sticky: true}");
            Assert.True(split.Code == ExitCode.Done, split.Output);
            var document = await deployer.Command.DocumentAsync();
            Assert.Equal(("good", "better", 10, new SplitMatch("X-Beta", "yes")), (document!.Active!.Version, document.Split!.Release.Version, document.Split.Share, document.Split.Header));
            Assert.False(document.Traffic.Sticky);
            release = document.Split.Release;
            var entry = (await deployer.Command.HistoryAsync())[^1];
            Assert.Equal((Outcome.Changed, "better", 1), (entry.Outcome, entry.Release.Version, entry.Tests.Count));

            var once = await deployer.DeployAsync("better", Ab);
            Assert.Equal(ExitCode.WrongInput, once.Code);
            Assert.Contains($"is split with better already: end that by 'deployer abort {service}'", once.Output, StringComparison.Ordinal);
            var planned = await deployer.Command.DeployAsync("better", change: "/app=>/moody", more: Ab, verb: "plan");
            Assert.Equal(ExitCode.WrongInput, planned.Code);
            Assert.Contains($"is split with better already: end that by 'deployer abort {service}'", planned.Output, StringComparison.Ordinal);

            return await deployer.Command.RunAsync(verb == "abort" ? [verb, service] : [verb, service, document.Split.Release.Deployment[..8]]);
        });

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var after = await deployer.Command.DocumentAsync();
        Assert.Equal((active, null, verb == "promote"), (after!.Active!.Version, after.Split, after.Traffic.Sticky));
        if (verb == "promote")
            Assert.Equal(release, after.Active);
        Assert.Equal(active, Assert.Single(await host.ContainersAsync(service), container => container.State == "running").Labels["mesh.version"]);
    }

    [Fact]
    public async Task Ab_InterruptedAfterItsSplit_StaysAndSaysSo()
    {
        using var interruption = new CancellationTokenSource();

        var ended = await deployer.DeployAsync("better", Ab, interruption: interruption, onLine: line =>
        {
            if (line.StartsWith("ok  split", StringComparison.Ordinal))
                interruption.Cancel();
        });

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains("warning: interrupted: the change is made, but whether every proxy follows it was not waited for", ended.Output, StringComparison.Ordinal);
        Assert.Equal("better", (await deployer.Command.DocumentAsync())!.Split?.Release.Version);
        Assert.Equal(["better", "good"], await RunningAsync());
    }

    [Fact]
    public async Task Abort_AProxyDoesNotFollow_EndsTheSplitAndLeavesItsContainersToThatProxy()
    {
        var command = deployer.Command;
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("better", Ab)).Code);
        var silent = $"{command.ProxyService}-silent";
        Ended ended;
        await using (await host.RegisterProxyAsync(command.ProxyService, port: 1, silent))
            ended = await command.RunAsync(["abort", command.Service]);

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains($"warning: proxy {silent} at http://127.0.0.1:1 does not answer\n", ended.Output, StringComparison.Ordinal);
        Assert.Contains("warning: the release that left the traffic is kept running for the proxies that still use it", ended.Output, StringComparison.Ordinal);
        Assert.Contains("is left unfinished (good is active): the split with better is over; ", ended.Output, StringComparison.Ordinal);
        var document = await command.DocumentAsync();
        Assert.Equal(("good", null), (document!.Active!.Version, document.Split));
        Assert.Equal(["better", "good"], await RunningAsync());

        var again = await command.RunAsync(["abort", command.Service]);
        Assert.True(again.Code == ExitCode.Done, again.Output);
        Assert.Contains("1 container removed", again.Output, StringComparison.Ordinal);
        Assert.Equal(["good"], await RunningAsync());
    }

    private async Task<string[]> RunningAsync() =>
    [
        .. (await host.ContainersAsync(deployer.Command.Service)).Where(container => container.State == "running").Select(container => container.Labels["mesh.version"]).Order(StringComparer.Ordinal),
    ];
}
