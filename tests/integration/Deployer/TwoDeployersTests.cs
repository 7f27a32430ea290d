using System.Net;
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
}
