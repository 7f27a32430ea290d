using ServiceMesh.Deployer;
using ServiceMesh.Docker;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>Docker does not start the candidate. Whose fault that is, the exit code tells; a host of a file is named, be it the only one.</summary>
[Collection(DeployerCollection.Name)]
public sealed class RefusedStartTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);
    private readonly string hosts = Path.GetTempFileName();

    public async ValueTask DisposeAsync()
    {
        await deployer.DisposeAsync();
        File.Delete(hosts);
    }

    [Theory]
    [InlineData("--docker", "error: ")]
    [InlineData("--hosts", "error: on only: ")]
    public async Task Deploy_MoreIsAskedForThanThereIs_IsTheReleasesFault(string option, string beginning)
    {
        var ended = await DeployAsync(option, DockerEngine.DefaultEndpoint, "resources: {cpus: 1000}");

        Assert.True(ended.Code == ExitCode.Unhealthy, ended.Output);
        Assert.Contains($"{beginning}{deployer.Service} v1 cannot be started: Range of CPUs is from ", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Theory]
    [InlineData("--docker", "error: ")]
    [InlineData("--hosts", "error: on only: ")]
    public async Task Deploy_DockerItselfFails_IsItsHostsFault(string option, string beginning)
    {
        await using var engine = new CuttableDocker(DockerEngine.DefaultEndpoint);
        await using var failing = await LossyConsul.StartAsync(
            new Uri($"http://{engine.Address.Authority}"), context => context.Request.Path.Value!.EndsWith("/start", StringComparison.Ordinal) ? Loss.Refused : Loss.Nothing);

        var ended = await DeployAsync(option, new Uri($"tcp://{failing.Address.Authority}"));

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains(
            $"{beginning}{deployer.Service} v1 cannot be started, for Docker failed (500): InternalServerError. Mend its host, then run this again.", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    private async Task<Ended> DeployAsync(string option, Uri docker, string more = "")
    {
        await File.WriteAllTextAsync(hosts, $"hosts: {{only: {{docker: \"{docker}\"}}}}", TestContext.Current.CancellationToken);
        return await deployer.DeployAsync("v1", more: more, args: [option, option == "--hosts" ? hosts : docker.ToString(), "--insecure"]);
    }
}
