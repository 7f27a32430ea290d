using System.Globalization;
using Docker.DotNet.Models;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>What becomes of releases that are kept no more.</summary>
[Collection(DeployerCollection.Name)]
public sealed class RetirementTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Fact]
    public async Task Deploy_NothingIsToBeKept_RemovesWhatServedOnceItHasEnded()
    {
        var first = await deployer.DeployAsync("v1");
        Assert.True(first.Code == ExitCode.Done, first.Output);
        var served = Assert.Single(await host.ContainersAsync(deployer.Service));

        var second = await deployer.DeployAsync("v2", change: "keep: 1=>keep: 0");

        Assert.True(second.Code == ExitCode.Done, second.Output);
        Assert.Contains($"removed {served.Names[0].TrimStart('/')}", second.Output, StringComparison.Ordinal);
        Assert.Equal("v2", Assert.Single(await host.ContainersAsync(deployer.Service)).Labels["mesh.version"]);
        // SIGTERM, and nothing that would not be asked.
        Assert.Equal(["15"], await SignalsAsync(served));
        var back = await deployer.RunAsync(["rollback", deployer.Service]);
        Assert.True(back.Code == ExitCode.WrongInput, back.Output);
        Assert.Contains("No retired release has containers left: deploy the version again instead.", back.Output, StringComparison.Ordinal);
    }

    /// <summary>The signals that Docker has sent to a container so far.</summary>
    private async Task<IReadOnlyList<string>> SignalsAsync(ContainerListResponse container)
    {
        var signals = new Heard();
        await host.Docker.System.MonitorEventsAsync(
            new ContainerEventsParameters
            {
                Since = new DateTimeOffset(container.Created).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
                Until = TimeProvider.System.GetUtcNow().AddSeconds(1).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
                Filters = new Dictionary<string, IDictionary<string, bool>>
                {
                    ["container"] = new Dictionary<string, bool> { [container.ID] = true },
                    ["event"] = new Dictionary<string, bool> { ["kill"] = true },
                },
            },
            signals,
            Ct);
        return signals;
    }

    private sealed class Heard : List<string>, IProgress<Message>
    {
        public void Report(Message value) => Add(value.Actor.Attributes["signal"]);
    }
}
