using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>Several sidecars, and sidecars that became another's: what belongs to one is never touched by the other.</summary>
public sealed class NodeTests(SidecarConsul parts)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TwoNodes_OneAgent_EachKeepsItsOwn()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        var other = mesh.Node + "-b";
        await mesh.StartSidecarAsync(options => options with { Resync = TimeSpan.FromMilliseconds(200) });
        var second = await mesh.StartSidecarAsync(options => options with { Node = other, Resync = TimeSpan.FromMilliseconds(200) });
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var both = await mesh.UntilAsync(service, entries => entries.Length == 2);
        Assert.Equal([mesh.Node, other], both.Select(entry => entry.Service.Meta[InstanceMeta.Owner]).Order(StringComparer.Ordinal));

        // The one that is left sees the container end, and may not speak for the other.
        await mesh.StopSidecarAsync(second);
        await mesh.KillAsync(container);
        await mesh.UntilAsync(service, entries => entries.Length == 1);
        var marker = mesh.Named("marker");
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        var left = await mesh.UntilAsync(service, entries => entries.Length == 1);
        Assert.Equal(other, left[0].Service.Meta[InstanceMeta.Owner]);
        await parts.Client.Agent.ServiceDeregister(left[0].Service.ID, Ct);
    }

    [Fact]
    public async Task TwoNodes_EachWithItsAgent_EachKeepsItsOwn()
    {
        await using var cluster = await ConsulCluster.StartAsync();
        using var client = ConsulFixture.ClientOf(cluster.AddressOf(2));
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        string[] nodes = [mesh.Node + "-a", mesh.Node + "-b"];
        await mesh.StartSidecarAsync(options => options with { Node = nodes[0], ConsulAddress = cluster.AddressOf(0), Resync = TimeSpan.FromSeconds(1) });
        var second = await mesh.StartSidecarAsync(options => options with
        {
            Node = nodes[1],
            ConsulAddress = cluster.AddressOf(1),
            OnExit = ServiceMesh.RegistrySidecar.Settings.OnExit.Deregister,
        });
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var both = await InstancesAsync(2);
        Assert.Equal(
            [("consul0", nodes[0]), ("consul1", nodes[1])],
            both.Select(entry => (entry.Node.Name, entry.Service.Meta[InstanceMeta.Owner])).Order());

        await mesh.StopSidecarAsync(second);
        var left = await InstancesAsync(1);
        Assert.Equal("consul0", left[0].Node.Name);

        await mesh.KillAsync(container);
        await InstancesAsync(0);

        Task<Consul.ServiceEntry[]> InstancesAsync(int count) =>
            ConsulFixture.Until((q, ct) => client.Health.Service(service, "", passingOnly: false, q, ct), entries => entries.Length == count);
    }

    [Fact]
    public async Task Node_Renamed_TakesOverWhatItsDockerHasAndLeavesTheRestUntilTheNameReturns()
    {
        await using var mesh = new SidecarMesh(parts);
        (string dies, string runs, string removed) = (mesh.Named("dies"), mesh.Named("runs"), mesh.Named("removed"));
        var former = mesh.Node + "-former";
        var sidecar = await mesh.StartSidecarAsync(options => options with { Node = former });
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RunAsync("runs", [$"SERVICE_NAME={runs}"]);
        var stale = mesh.Stale(removed, removed);
        stale.Meta![InstanceMeta.Owner] = former;
        await mesh.RegisteredAsync(dies);
        await mesh.RegisteredAsync(runs);

        await mesh.StopSidecarAsync(sidecar);
        await mesh.KillAsync(container);
        await parts.Client.Agent.ServiceRegister(stale, Ct);
        sidecar = await mesh.StartSidecarAsync();
        await mesh.UntilAsync(runs, entries => entries is [var only] && only.Service.Meta[InstanceMeta.Owner] == mesh.Node);
        await mesh.GoneAsync(dies);
        Assert.Equal(former, (await mesh.RegisteredAsync(removed)).Service.Meta[InstanceMeta.Owner]);

        await mesh.StopSidecarAsync(sidecar);
        sidecar = await mesh.StartSidecarAsync(options => options with { Node = former, OnExit = ServiceMesh.RegistrySidecar.Settings.OnExit.Deregister });
        await mesh.GoneAsync(removed);
        await mesh.StopSidecarAsync(sidecar);
    }

    [Fact]
    public async Task Node_RenamedAndToldItsFormerName_TakesOverWhatThatRegistered()
    {
        await using var mesh = new SidecarMesh(parts);
        (string runs, string dies) = (mesh.Named("runs"), mesh.Named("dies"));
        var former = mesh.Node + "-former";
        var sidecar = await mesh.StartSidecarAsync(options => options with { Node = former });
        await mesh.RunAsync("runs", [$"SERVICE_NAME={runs}"]);
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RegisteredAsync(runs);
        await mesh.RegisteredAsync(dies);
        await mesh.StopSidecarAsync(sidecar);
        await mesh.KillAsync(container);

        await mesh.StartSidecarAsync(options => options with { FormerNodes = [former] });

        await mesh.UntilAsync(runs, entries => entries is [var only] && only.Service.Meta[InstanceMeta.Owner] == mesh.Node);
        await mesh.GoneAsync(dies);
    }

    [Fact]
    public async Task Crash_LeftStaleIdsAndANewContainerHasTheName_TakesThemOver()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        var id = $"{mesh.Node}:{service}:8500";
        await parts.Client.Agent.ServiceRegister(mesh.Stale(id, service), Ct);
        await parts.Client.Agent.ServiceRegister(mesh.Stale(id + ":stale", service), Ct);
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);

        await mesh.StartSidecarAsync();

        var port = await mesh.PublishedPortAsync(container);
        await mesh.UntilAsync(service, entries => entries is [var only] && only.Service.ID == id && only.Service.Port == port);
    }
}
