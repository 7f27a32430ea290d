using System.Diagnostics;
using Consul;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A host whose Docker Engine ends and starts again, and whose containers go on meanwhile, or do not.</summary>
[Collection(DeployerFaultsCollection.Name)]
public sealed class RestartedEngineTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly AsyncDisposables started = new();
    private readonly DeployerCommand deployer = new(host);
    private SecondDocker second = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Engine_Restarted_TheSidecarGoesOnAndTheCatalogIsRight(bool keepsContainers)
    {
        second = started.Add(await SecondDocker.StartAsync(host, Ct, keepsContainers));
        started.Add(deployer);
        Assert.Equal(ExitCode.Done, (await DeployAsync("v1")).Code);
        var ends = (await second.ContainersAsync(deployer.Service))[0].ID;
        using var process = Process.GetProcessById((int)(await second.Docker.Containers.InspectContainerAsync(ends, Ct)).State!.Pid);
        await second.EndAsync();
        if (keepsContainers)
            process.Kill();
        else
            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(10)), "The Engine ended before its containers.");

        // It starts what has ended again, and publishes it elsewhere.
        await second.ReviveAsync(Ct);

        await UntilTheCatalogIsRightAsync();
        var next = await DeployAsync("v2");
        Assert.True(next.Code == ExitCode.Done, next.Output);
        await UntilTheCatalogIsRightAsync();
    }

    private Task<Ended> DeployAsync(string version) =>
        deployer.DeployAsync(version, change: "port: 5000=>port: 5000\nreplicas: 2", more: "hosts: [second]", args: ["--hosts", second.HostsFile()]);

    /// <summary>Waits until two instances run on the second host, and Consul has these and no others, each at its port and passing.</summary>
    private async Task UntilTheCatalogIsRightAsync()
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromMinutes(1));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            string[] run = [.. (await second.ContainersAsync(deployer.Service)).Where(container => container.State == "running")
                .Select(container => $"{container.ID} {container.Ports.Select(port => port.PublicPort).First(port => port > 0)} passing").Order(StringComparer.Ordinal)];
            string[] told = [.. (await host.Consul.Health.Service(deployer.Service, Ct)).Response.Where(entry => entry.Service.Meta[InstanceMeta.Owner] == "second")
                .Select(entry => $"{entry.Service.Meta[InstanceMeta.Container]} {entry.Service.Port} {entry.Checks.AggregatedStatus().Status}").Order(StringComparer.Ordinal)];
            if (run.Length == 2 && run.SequenceEqual(told))
                return;
            Assert.False(late.IsCancellationRequested, $"There run\n{string.Join('\n', run)}\nand Consul tells\n{string.Join('\n', told)}");
            await timer.WaitForNextTickAsync(Ct);
        }
    }
}
