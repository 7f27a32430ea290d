using Consul;
using Microsoft.Extensions.DependencyInjection;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>What this node's sidecar may touch, and what never.</summary>
public sealed class OwnershipTests(SidecarConsul parts)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Container_OfAnotherMesh_IsNotRegistered()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        (string foreign, string own) = (mesh.Named("foreign"), mesh.Named("own"));
        await mesh.RunAsync("foreign", [$"SERVICE_NAME={foreign}"], new Dictionary<string, string> { [ContainerLabel.Environment] = "another" });

        await mesh.RunAsync("own", [$"SERVICE_NAME={own}"]);
        await mesh.RegisteredAsync(own);

        await mesh.GoneAsync(foreign);
    }

    [Fact]
    public async Task Reconcile_Strangers_AreLeftAloneAndStaleOnesGo()
    {
        await using var mesh = new SidecarMesh(parts);
        var strangers = new[]
        {
            Registration(mesh.Named("nobodys"), owner: null, mesh.Environment),
            Registration(mesh.Named("other-node"), "another-node", mesh.Environment),
            Registration(mesh.Named("other-mesh"), mesh.Node, "another-mesh"),
        };
        var stale = Registration(mesh.Named("stale"), mesh.Node, mesh.Environment);
        foreach (var registration in strangers.Append(stale))
            await parts.Client.Agent.ServiceRegister(registration, Ct);

        await mesh.StartSidecarAsync();
        await mesh.GoneAsync(stale.Name!);

        var left = (await parts.Client.Agent.Services(Ct)).Response;
        foreach (var stranger in strangers)
        {
            Assert.Contains(stranger.ID!, left);
            await parts.Client.Agent.ServiceDeregister(stranger.ID!, Ct);
        }
    }

    [Fact]
    public async Task Reconcile_StrangerHoldsTheId_IsNotOverwrittenAndFollowedOnceHeLeaves()
    {
        await using var mesh = new SidecarMesh(parts);
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var stranger = Registration(service, owner: null, mesh.Environment);
        stranger.ID = $"{mesh.Node}:{mesh.Named("web")}:8500";
        await parts.Client.Agent.ServiceRegister(stranger, Ct);
        await mesh.StartSidecarAsync();

        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        Assert.Equal(1, (await mesh.RegisteredAsync(service)).Service.Port);
        await parts.Client.Agent.ServiceDeregister(stranger.ID, Ct);

        // No event tells of that, and the next resync is an hour away.
        await mesh.UntilAsync(service, entries => entries is [var only] && only.Service.Port != 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StrangerTookTheId_BetweenTwoResyncs_IsNeitherOverwrittenNorRemoved(bool restart)
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        (string service, string marker) = (mesh.Named("web"), mesh.Named("marker"));
        var container = await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var id = (await mesh.RegisteredAsync(service)).Service.ID;
        var stranger = Registration(service, owner: null, mesh.Environment);
        stranger.ID = id;
        await parts.Client.Agent.ServiceRegister(stranger, Ct);
        var others = sidecar.Services.GetRequiredService<OthersWatch>();
        await Until.TrueAsync(() => Task.FromResult(others.Current?.ContainsKey(id) is true));

        await (restart ? mesh.RestartAsync(container) : mesh.KillAsync(container));
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        Assert.Equal(1, (await mesh.RegisteredAsync(service)).Service.Port);
        await parts.Client.Agent.ServiceDeregister(id, Ct);
    }

    [Fact]
    public async Task Start_StaleWithinTheGrace_StaysForNow()
    {
        await using var mesh = new SidecarMesh(parts);
        var stale = Registration(mesh.Named("stale"), mesh.Node, mesh.Environment);
        await parts.Client.Agent.ServiceRegister(stale, Ct);
        var marker = mesh.Named("marker");

        await mesh.StartSidecarAsync(options => options with { CleanupGrace = TimeSpan.FromHours(1) });
        await mesh.RunAsync("marker", [$"SERVICE_NAME={marker}"]);
        await mesh.RegisteredAsync(marker);

        await mesh.RegisteredAsync(stale.Name!);
    }

    private static AgentServiceRegistration Registration(string name, string? owner, string environment)
    {
        var meta = new Dictionary<string, string>
        {
            [InstanceMeta.Environment] = environment,
            [InstanceMeta.Container] = new string('0', 64),
        };
        if (owner is not null)
            meta[InstanceMeta.Owner] = owner;
        return new AgentServiceRegistration { ID = name, Name = name, Port = 1, Meta = meta };
    }
}
