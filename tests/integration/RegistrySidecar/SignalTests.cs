using Docker.DotNet.Models;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>Who is told to end leaves the traffic before he ends, and stays out of it however long he takes.</summary>
public sealed class SignalTests(SidecarConsul parts)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stop_ContainerThatTakesItsTime_IsGoneBeforeItDies()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        var stopping = parts.Docker.Containers.StopContainerAsync(container, new ContainerStopParameters { WaitBeforeKillSeconds = 3 }, Ct);
        await mesh.GoneAsync(service);

        Assert.True((await parts.Docker.Containers.InspectContainerAsync(container, Ct)).State!.Running);
        await stopping;
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(null, 14)]
    public async Task Stop_LongerThanTheContainerAsksFor_StaysOutWhileItDrains(int? stopTimeout, uint seconds)
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync(
            "web", [$"SERVICE_NAME={service}"], change: parameters => parameters.StopTimeout = stopTimeout is { } given ? TimeSpan.FromSeconds(given) : null);
        await mesh.RegisteredAsync(service);

        var stopping = parts.Docker.Containers.StopContainerAsync(container, new ContainerStopParameters { WaitBeforeKillSeconds = seconds }, Ct);
        await mesh.GoneAsync(service);
        await mesh.KillAsync(container, "HUP");

        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!stopping.IsCompleted)
        {
            Assert.Empty((await parts.Client.Health.Service(service, Ct)).Response);
            await timer.WaitForNextTickAsync(Ct);
        }
    }

    [Fact]
    public async Task Stop_SidecarRestartsMeanwhile_StaysOutWhileItDrains()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);
        var stopping = parts.Docker.Containers.StopContainerAsync(container, new ContainerStopParameters { WaitBeforeKillSeconds = 60 }, Ct);
        await mesh.GoneAsync(service);

        await mesh.StopSidecarAsync(sidecar);
        var port = FreePort.Next();
        await mesh.StartSidecarAsync(options => options with { StatusPort = port });
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        Assert.Empty((await parts.Client.Health.Service(service, Ct)).Response);
        // Nor did it come and go.
        using var http = new HttpClient();
        Assert.Matches(@"(?m)^mesh_sidecar_deregistrations_written_total\{[^}]*\} 0\b", await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"), Ct));
        Assert.False(stopping.IsCompleted);
        await mesh.KillAsync(container);
        await stopping;
    }

    [Fact]
    public async Task Kill_ItsOwnStopSignal_TakesItOut()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("web");
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"], change: parameters => parameters.StopSignal = "SIGWINCH");
        await mesh.RegisteredAsync(service);

        await mesh.KillAsync(container, "WINCH");

        await mesh.GoneAsync(service);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("USR2")]
    [InlineData("QUIT")]
    [InlineData("WINCH")]
    public async Task Kill_OtherSignal_ChangesNothing(string signal)
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        // Without the default check, whose first result would be a change, too.
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}", "SERVICE_CHECK_TCP=false"]);
        await mesh.RegisteredAsync(service);
        var before = (await parts.Client.Health.Service(service, Ct)).LastIndex;

        await mesh.KillAsync(container, signal);
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        Assert.Equal(before, (await parts.Client.Health.Service(service, Ct)).LastIndex);
    }

    [Fact]
    public async Task Kill_NeverPolicy_Stays()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { Deregister = ServiceMesh.RegistrySidecar.Settings.DeregisterPolicy.Never });
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        await mesh.KillAsync(container, "TERM");
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        await mesh.RegisteredAsync(service);
    }

    [Fact]
    public async Task Network_ConnectAndDisconnect_AreFollowed()
    {
        var network = $"net-{Guid.NewGuid():N}";
        await parts.Docker.Networks.CreateNetworkAsync(new NetworksCreateParameters { Name = network }, Ct);
        try
        {
            await using var mesh = new SidecarMesh(parts);
            await mesh.StartSidecarAsync(options => options with { Internal = true, Explicit = true });
            var service = mesh.Named("web");
            var container = await mesh.RunAsync("web", [$"SERVICE_8500_TCP_NAME={service}"], new Dictionary<string, string> { ["mesh.network"] = network });

            await parts.Docker.Networks.ConnectNetworkAsync(network, new NetworkConnectParameters { Container = container }, Ct);
            var entry = await mesh.RegisteredAsync(service);
            var inspected = await parts.Docker.Containers.InspectContainerAsync(container, Ct);
            Assert.Equal((inspected.NetworkSettings!.Networks[network].IPAddress, 8500), (entry.Service.Address, entry.Service.Port));

            await parts.Docker.Networks.DisconnectNetworkAsync(network, new NetworkDisconnectParameters { Container = container }, Ct);
            await mesh.GoneAsync(service);
        }
        finally
        {
            await parts.Docker.Networks.DeleteNetworkAsync(network, CancellationToken.None);
        }
    }
}
