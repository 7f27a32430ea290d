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
    public async Task EventStream_BreaksAloneAgainAndAgain_LeaksNoConnection()
    {
        const int warmUp = 3, rounds = 5;
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address });
        var open = 0;
        for (var i = 0; i < warmUp + rounds; i++)
        {
            await mesh.RunAsync($"web{i}", [$"SERVICE_NAME={mesh.Named($"web{i}")}"]);
            await mesh.RegisteredAsync(mesh.Named($"web{i}"));
            if (i == warmUp)
                open = docker.Connections;
            docker.BreakStreams();
        }

        // One or two may be in use now that were not then; each that is left open would be one for a round.
        await Until.TrueAsync(() => Task.FromResult(docker.Connections <= open + 2));
    }

    [Fact]
    public async Task Docker_ListsHang_HeartbeatsAndEventsGoOn()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        var sidecar = await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address, Resync = TimeSpan.FromSeconds(1) });
        var lines = LogLines.Of(sidecar);
        (string beats, string dies) = (mesh.Named("beats"), mesh.Named("dies"));
        await mesh.RunAsync("beats", [$"SERVICE_NAME={beats}", "SERVICE_CHECK_TTL=20s", "SERVICE_CHECK_TCP=false"]);
        var dying = await mesh.RunAsync("dies", [$"SERVICE_NAME={dies}"]);
        await mesh.RegisteredAsync(dies);
        await mesh.UntilAsync(beats, entries => entries is [var only] && only.Checks.All(check => check.Status == Consul.HealthStatus.Passing));
        var before = (await parts.Client.Health.Service(beats, TestContext.Current.CancellationToken)).LastIndex;

        docker.HangLists();
        await lines.UntilAsync("Docker's list of containers", "did not answer in time");
        await mesh.KillAsync(dying);
        await mesh.GoneAsync(dies);
        await ScriptedConsul.LastAsync(TimeSpan.FromSeconds(25));

        Assert.Equal(before, (await parts.Client.Health.Service(beats, TestContext.Current.CancellationToken)).LastIndex);
    }

    [Fact]
    public async Task Docker_AwayAtTheStart_IsFollowedWhenItComes()
    {
        await using var docker = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var mesh = new SidecarMesh(parts);
        await docker.CutAsync();
        // It is told once.
        var lines = new LogLines();
        await mesh.StartSidecarAsync(options => options with { DockerHost = docker.Address }, lines);
        var service = mesh.Named("web");
        await mesh.RunAsync("web", [$"SERVICE_NAME={service}"]);
        await lines.UntilAsync("Docker's events cannot be followed");

        docker.Mend();

        await mesh.RegisteredAsync(service);
    }
}
