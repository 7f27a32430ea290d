using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A Docker host that only ssh leads to, by the real ssh, sshd and <c>docker system dial-stdio</c>.</summary>
[Collection(DeployerCollection.Name)]
public sealed class SshTests(DeployerFixture host) : IAsyncLifetime
{
    private readonly AsyncDisposables started = new();
    private readonly DeployerCommand deployer = new(host);
    private SshHost ssh = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        ssh = started.Add(await SshHost.StartAsync(TestContext.Current.CancellationToken));
        started.Add(deployer);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Deploy_OverSsh_StartsTestsReplacesAndRollsBack()
    {
        ssh.Use("known");

        foreach (var version in (string[])["v1", "v2"])
        {
            var ended = await deployer.DeployAsync(version, more: "replicas: 2", args: ["--docker", ssh.Address.ToString()]);
            Assert.True(ended.Code == ExitCode.Done, ended.Output);
            Assert.Contains("3 passed, 0 failed", ended.Output, StringComparison.Ordinal);
        }

        Assert.Equal(["exited v1", "exited v1", "running v2", "running v2"], await StatesAsync());
        var back = await deployer.RunAsync(["rollback", deployer.Service, "--docker", ssh.Address.ToString()]);
        Assert.True(back.Code == ExitCode.Done, back.Output);
        Assert.Equal(["exited v2", "exited v2", "running v1", "running v1"], await StatesAsync());
    }

    [Theory]
    [InlineData("strange", "right", "ssh is refused: ", "Put this user's public key into authorized_keys there")]
    [InlineData("known", "none", "its host key is not known to this user. Connect once by hand and compare it: ssh ssh://", "or put it into known_hosts.")]
    [InlineData("known", "wrong", "it shows another host key than the one that is known", "ssh-keygen -R")]
    [InlineData("dockerless", "right", "there is no docker command for that user there", "Install it")]
    public async Task Deploy_OverSshThatFails_SaysWhyAndTouchesNothing(string key, string knownHosts, string why, string mend)
    {
        ssh.Use(key, knownHosts);

        var ended = await deployer.DeployAsync("v1", args: ["--docker", ssh.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains($"error: Docker at {ssh.Address} cannot be reached: {why}", ended.Output, StringComparison.Ordinal);
        Assert.Contains(mend, ended.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("DOCKER_HOST", ended.Output, StringComparison.Ordinal);
        await deployer.AssertUntouchedAsync();
    }

    [Fact]
    public async Task Deploy_OverSshToAHostThatIsAway_SaysSo()
    {
        ssh.Use("known");
        await ssh.EndAsync();

        var ended = await deployer.DeployAsync("v1", args: ["--docker", ssh.Address.ToString()]);

        Assert.True(ended.Code == ExitCode.Unreachable, ended.Output);
        Assert.Contains("cannot be reached: ssh said: ssh: connect to host 127.0.0.1 port ", ended.Output, StringComparison.Ordinal);
    }

    private async Task<string[]> StatesAsync() =>
        [.. (await host.ContainersAsync(deployer.Service)).Select(container => $"{container.State} {container.Labels["mesh.version"]}").Order(StringComparer.Ordinal)];
}
