using ServiceMesh.Docker;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>The way to Docker breaks, again and again, while containers come and go.</summary>
public sealed class DockerFaultTests(SidecarConsul parts)
{
    [Fact]
    public async Task EventStream_BreaksAgainAndAgain_IsRightAfterEachReturn()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        string? before = null;
        for (var i = 0; i < 4; i++)
        {
            await docker.CutAsync();
            if (before is not null)
                await mesh.KillAsync(before);
            before = await mesh.RunAsync($"web{i}", [$"SERVICE_NAME={mesh.Named($"web{i}")}"]);
            docker.Mend();

            await mesh.RegisteredAsync(mesh.Named($"web{i}"));
            await mesh.GoneAsync(mesh.Named($"web{i - 1}"));
        }
    }

    [Fact]
    public async Task Docker_AwayAtTheStart_IsFollowedWhenItComes()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await docker.CutAsync();
        var sidecar = await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        var lines = LogLines.Of(sidecar);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await lines.UntilAsync("Docker's events cannot be followed");

        docker.Mend();

        await mesh.RegisteredAsync(service);
    }
}
