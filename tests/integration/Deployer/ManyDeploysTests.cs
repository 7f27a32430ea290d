using System.Net;
using ServiceMesh.Deployer;
using ServiceMesh.Tests.Integration.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

[Collection(DeployerCollection.Name)]
public sealed class ManyDeploysTests(DeployerFixture host)
{
    private const int Deploys = 20;

    private static string Version(int number) => $"v{1 + (number % 3)}";

    // The image answers at its root.
    private static Task<Ended> DeployAsync(DeployerCommand deployer, string version) =>
        deployer.DeployAsync(version, change: $"path: /{deployer.Service}=>path: /{deployer.Service}\n    strip: true");

    [Fact]
    public async Task Deploy_TwentyInARowUnderLoad_FailsNoRequestAndLeavesNothingBehind()
    {
        await using var proxy = await RunningProxy.StartAsync(host.ConsulAddress);
        await using var deployer = new DeployerCommand(host) { ProxyService = ConsulFixture.Unique("proxy") };
        await using var registered = await host.RegisterProxyAsync(deployer.ProxyService, proxy.Ports[0]);
        await DeployAsync(deployer, Version(0));
        await proxy.UntilAsync(deployer.Service, account => account.GetProperty("instances").GetArrayLength() > 0);

        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => proxy.LoadAsync($"/{deployer.Service}/", stop.Token, TimeSpan.FromMilliseconds(10))).ToArray();
        for (var number = 1; number <= Deploys; number++)
        {
            var ended = await DeployAsync(deployer, Version(number));
            Assert.True(ended.Code == ExitCode.Done, ended.Output);
        }

        await stop.CancelAsync();
        var answers = (await Task.WhenAll(load)).SelectMany(statuses => statuses).ToList();

        TestContext.Current.TestOutputHelper!.WriteLine($"{Deploys} deploys, {answers.Count} requests sent, {answers.Count(status => status != HttpStatusCode.OK)} failed");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.True(answers.Count > Deploys * 10, $"only {answers.Count} requests");
        // The active release's, and of one release before, which the manifest keeps.
        Assert.Equal(["exited", "running"], (await host.ContainersAsync(deployer.Service)).Select(container => container.State).Order(StringComparer.Ordinal));
        Assert.Equal(
            Enumerable.Range(0, Deploys + 1).Select(number => ("deploy", Outcome.Promoted, Version(number))),
            (await deployer.HistoryAsync()).Select(entry => (entry.Action, entry.Outcome, entry.Release.Version)));
    }
}
