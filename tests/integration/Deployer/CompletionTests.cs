using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Consul;
using ServiceMesh.Deployer;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>What a shell is told that asks the deployer how a line may go on.</summary>
[Collection(DeployerCollection.Name)]
public sealed class CompletionTests(DeployerFixture host) : IAsyncDisposable
{
    private readonly DeployerCommand deployer = new(host);

    public ValueTask DisposeAsync() => deployer.DisposeAsync();

    [Theory]
    [InlineData("rollback ")]
    [InlineData("status ")]
    [InlineData("lock release ")]
    [InlineData("promote ")]
    public async Task Suggest_InTheServicesPlace_NamesThoseThatConsulKnows(string verb)
    {
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v1")).Code);
        var byHand = $"hand-{deployer.Service}"[..20];
        var id = await host.RunAsync("app:v1", new Dictionary<string, string> { ["SERVICE_NAME"] = byHand }, TestContext.Current.CancellationToken);
        await ConsulFixture.Until((q, token) => host.Consul.Health.Service(byHand, null, false, q, token), entries => entries.Length == 1);

        var (code, words) = await SuggestAsync($"deployer --consul {host.ConsulAddress} {verb}");
        await host.Docker.Containers.RemoveContainerAsync(id, new() { Force = true, RemoveVolumes = true }, TestContext.Current.CancellationToken);

        Assert.Equal(0, code);
        Assert.Contains(deployer.Service, words);
        Assert.Contains(byHand, words);
    }

    [Fact]
    public async Task Suggest_ANameThatAShellWouldTakeForACommand_IsNotTold()
    {
        var hostile = new AgentServiceRegistration { ID = ConsulFixture.Unique("hostile"), Name = "$(false)", Tags = [StageTag.Of(Stage.Candidate)] };
        await host.Consul.Agent.ServiceRegister(hostile, TestContext.Current.CancellationToken);
        await ConsulFixture.Until((q, token) => host.Consul.Catalog.Services(q, token), services => services.ContainsKey(hostile.Name));

        var (code, words) = await SuggestAsync($"deployer --consul {host.ConsulAddress} rollback ");
        await host.Consul.Agent.ServiceDeregister(hostile.ID, TestContext.Current.CancellationToken);

        Assert.Equal(0, code);
        Assert.DoesNotContain(hostile.Name, words);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Suggest_ConsulIsAwayOrSilent_NamesNothingAndSoon(bool isThere)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        if (!isThere)
            silent.Stop();
        var began = Stopwatch.GetTimestamp();

        var (code, words) = await SuggestAsync($"deployer --consul 127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)} rollback ");

        Assert.Equal(0, code);
        Assert.DoesNotContain(words, word => !word.StartsWith('-') && !word.StartsWith('/'));
        // Of its half second, on a machine that is busy.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private static async Task<(int Code, string[] Words)> SuggestAsync(string line)
    {
        using var output = new StringWriter();
        var code = await CommandLine.InvokeAsync(
            [$"[suggest:{line.Length.ToString(CultureInfo.InvariantCulture)}]", line], output, output, TestContext.Current.CancellationToken);
        return (code, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
