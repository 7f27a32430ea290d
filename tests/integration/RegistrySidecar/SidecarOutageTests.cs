using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar.Faults;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>Docker, Consul or the sidecar goes away and comes back; afterwards the catalog is right again.</summary>
public sealed class SidecarOutageTests(SidecarConsul parts)
{
    [Fact]
    public async Task EventStream_Broken_NothingIsLost()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        (string dies, string starts) = (mesh.Named("dies"), mesh.Named("starts"));
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RegisteredAsync(dies);

        await docker.CutAsync();
        await mesh.KillAsync(container);
        await mesh.RunAsync("starts", [$"SERVICE_NAME={starts}"]);
        docker.Mend();

        await mesh.RegisteredAsync(starts);
        await mesh.GoneAsync(dies);
    }

    [Fact]
    public async Task EventStream_BrokenWhileOneIsToldToEnd_KnowsOfTheSignalAllTheSame()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        var service = mesh.Named("drains");
        var container = await mesh.RunAsync("drains", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        await docker.CutAsync();
        // Its shell does not obey.
        await mesh.KillAsync(container, "TERM");
        await ScriptedConsul.LastAsync(TimeSpan.FromSeconds(3));
        docker.Mend();

        await mesh.GoneAsync(service);
        Assert.True((await parts.Docker.Containers.InspectContainerAsync(container, TestContext.Current.CancellationToken)).State!.Running);
    }

    [Fact]
    public async Task Consul_RestartedWithoutItsData_HasAllBackAndTheStagesWithTheDocuments()
    {
        await using var consul = new SidecarConsul();
        await consul.InitializeAsync();
        await using var mesh = new SidecarMesh(consul);
        await mesh.StartSidecarAsync(options => options with { Resync = TimeSpan.FromSeconds(1) });
        string[] services = [mesh.Named("one"), mesh.Named("two")];
        foreach (var service in services)
        {
            var container = await mesh.RunAsync(service, [$"SERVICE_NAME={service}"]);
            await mesh.RegisteredAsync(service);
            await mesh.PutDocumentAsync(SidecarMesh.Document(service, container));
            await mesh.StageAsync(service, "active");
        }

        await consul.RestartAsync();

        // Of which release is active the documents were the only truth; they come back with a backup, at a lower index than before.
        foreach (var service in services)
        {
            var instance = Assert.Single(await mesh.StageAsync(service, "candidate"));
            await mesh.PutDocumentAsync(SidecarMesh.Document(service, instance.Service.Meta[InstanceMeta.Container]));
            await mesh.StageAsync(service, "active");
        }
    }

    [Fact]
    public async Task Sidecar_AwayWhileContainersComeAndGo_CatchesUp()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync();
        (string dies, string starts) = (mesh.Named("dies"), mesh.Named("starts"));
        var container = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RegisteredAsync(dies);

        await mesh.StopSidecarAsync(sidecar);
        await mesh.KillAsync(container);
        await mesh.RunAsync("starts", [$"SERVICE_NAME={starts}"]);
        await mesh.StartSidecarAsync();

        await mesh.RegisteredAsync(starts);
        await mesh.GoneAsync(dies);
    }

    [Fact]
    public async Task Sidecar_ToldToDeregisterOnExit_LeavesNothing()
    {
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with { OnExit = ServiceMesh.RegistrySidecar.Settings.OnExit.Deregister });
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await mesh.RegisteredAsync(service);

        await mesh.StopSidecarAsync(sidecar);

        await mesh.GoneAsync(service);
    }

    [Fact]
    public async Task Sidecar_ToldToDeregisterOnExitWhereDockerNeverAnswered_LeavesNothing()
    {
        await using var mesh = new SidecarMesh(parts);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        var sidecar = await mesh.StartSidecarAsync();
        await mesh.RegisteredAsync(service);
        await mesh.StopSidecarAsync(sidecar);

        sidecar = await mesh.StartSidecarAsync(options => options with
        {
            OnExit = ServiceMesh.RegistrySidecar.Settings.OnExit.Deregister,
            DockerHost = new Uri("unix:///nobody/listens/docker.sock"),
        });
        await mesh.StopSidecarAsync(sidecar);

        await mesh.GoneAsync(service);
    }
}
