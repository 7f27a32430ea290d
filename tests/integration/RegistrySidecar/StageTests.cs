using Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>The stage tag follows the service's document, whatever happens to the sidecar.</summary>
public sealed class StageTests(SidecarConsul parts)
{
    [Fact]
    public async Task Document_Changes_ChangesTheTagAndNeverTheHealth()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        var service = mesh.Named("demo");
        await mesh.RunAsync(
            "demo", [$"SERVICE_NAME={service}", "SERVICE_CHECK_TCP=true", "SERVICE_CHECK_INTERVAL=1s"],
            new Dictionary<string, string> { [ContainerLabel.Deployment] = "k3v" }, answers: true);
        await mesh.UntilAsync(service, entries => entries is [var only] && StateOf(only) == "candidate/passing");
        var seen = new List<string>();
        var watching = mesh.UntilAsync(service, entries =>
        {
            var state = string.Join(',', entries.Select(StateOf));
            if (seen.LastOrDefault() != state)
                seen.Add(state);
            return state.StartsWith("retired", StringComparison.Ordinal);
        });

        await mesh.PutDocumentAsync(SidecarMesh.Document(service, "k3v"));
        await mesh.StageAsync(service, "active");
        await mesh.PutDocumentAsync(SidecarMesh.Document(service, "other", "k3v"));
        await watching;

        Assert.Equal(["candidate/passing", "active/passing", "retired/passing"], seen);
    }

    [Fact]
    public async Task Document_Hostile_StopsNoOtherAndKeepsTheStage()
    {
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync();
        (string damaged, string sound) = (mesh.Named("damaged"), mesh.Named("sound"));
        await mesh.PutDocumentAsync(SidecarMesh.Document(damaged, "k3v"));
        await RunAsync(mesh, damaged, "k3v");
        await mesh.StageAsync(damaged, "active");

        await mesh.PutDocumentAsync(damaged, "[" + new string('{', 400_000));
        await mesh.PutDocumentAsync(SidecarMesh.Document(sound, "b7q"));
        await RunAsync(mesh, sound, "b7q");

        await mesh.StageAsync(sound, "active");
        Assert.Equal("active", (await mesh.RegisteredAsync(damaged)).Service.Tags[0]);
    }

    [Fact]
    public async Task Restart_SidecarBesideADamagedDocument_KeepsTheStage()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        var service = mesh.Named("demo");
        await mesh.PutDocumentAsync(SidecarMesh.Document(service, "k3v"));
        await RunAsync(mesh, service, "k3v");
        await mesh.StageAsync(service, "active");

        await mesh.StopSidecarAsync(sidecar);
        await mesh.PutDocumentAsync(service, "not JSON");
        await mesh.StartSidecarAsync();
        await ReconciledAsync(mesh);

        Assert.Equal("active", (await mesh.RegisteredAsync(service)).Service.Tags[0]);
    }

    [Fact]
    public async Task Restart_Sidecar_WritesNothing()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        var service = mesh.Named("demo");
        await mesh.PutDocumentAsync(SidecarMesh.Document(service, "k3v"));
        await RunAsync(mesh, service, "k3v", "SERVICE_CHECK_TTL=1h", "SERVICE_CHECK_TCP=false");
        await mesh.StageAsync(service, "active");
        var before = await HealthAsync(service);

        await mesh.StopSidecarAsync(sidecar);
        await mesh.StartSidecarAsync(options => options with { Resync = TimeSpan.FromMilliseconds(100) });
        await ReconciledAsync(mesh);
        await ReconciledAsync(mesh);
        var after = await HealthAsync(service);

        Assert.Equal("active/passing", StateOf(Assert.Single(after.Response)));
        Assert.Equal(before.LastIndex, after.LastIndex);
    }

    private Task<QueryResult<ServiceEntry[]>> HealthAsync(string service) =>
        parts.Client.Health.Service(service, TestContext.Current.CancellationToken);

    /// <summary>A container that is registered shows that the sidecar has worked through all before it.</summary>
    private static async Task ReconciledAsync(SidecarMesh mesh)
    {
        var name = $"marker-{Guid.NewGuid():N}";
        await mesh.RunAsync(name, [$"SERVICE_NAME={name}"]);
        await mesh.RegisteredAsync(name);
    }

    private static Task<string> RunAsync(SidecarMesh mesh, string service, string deployment, params string[] env) =>
        mesh.RunAsync(
            service, [$"SERVICE_NAME={service}", .. env], new Dictionary<string, string> { [ContainerLabel.Deployment] = deployment });

    private static string StateOf(ServiceEntry entry) => $"{entry.Service.Tags[0]}/{entry.Checks.AggregatedStatus().Status}";
}
