using System.Net;
using Consul;
using ServiceMesh.Deployer;
using ServiceMesh.Tests.Integration.RegistrySidecar;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A Consul that knows nothing of what serves: it is another's, or it has lost its data.</summary>
[Collection(DeployerCollection.Name)]
public sealed class WrongConsulTests(DeployerFixture host, ConsulFixture another)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("deploy")]
    [InlineData("abort")]
    public async Task Run_AtAnotherConsul_IsRefusedAndRemovesNothing(string verb)
    {
        await using var deployer = new DeployerCommand(host);
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v1")).Code);
        string[] where = ["--consul", another.Address.ToString()];

        var ended = verb == "abort" ? await deployer.RunAsync([verb, deployer.Service, .. where]) : await deployer.DeployAsync("v2", args: where);

        Assert.True(ended.Code == ExitCode.WrongInput, ended.Output);
        var container = Assert.Single(await host.ContainersAsync(deployer.Service));
        Assert.Equal(("running", "v1"), (container.State, container.Labels[ContainerLabel.Version]));
        Assert.Contains(
            $"error: containers of {deployer.Service} run that Consul at {another.Address.GetLeftPart(UriPartial.Authority)} knows nothing of ({container.Names[0][1..]}): ", ended.Output, StringComparison.Ordinal);
    }

    // What no sidecar of this Consul tells of, beside tests that were left.
    [Theory]
    [InlineData("abort", true)]
    [InlineData("rollback", false)]
    public async Task Run_BesideWhatIsNotRegistered_RemovesTheRestAndRefusesOnlyWhereNothingHasChanged(string verb, bool refused)
    {
        await using var deployer = new DeployerCommand(host);
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v1")).Code);
        Assert.Equal(ExitCode.Done, (await deployer.DeployAsync("v2")).Code);
        var unknown = await LeaveAsync("SERVICE_IGNORE");
        var tests = await LeaveAsync(ContainerLabel.Tests);

        var ended = await deployer.RunAsync([verb, deployer.Service]);

        Assert.True(ended.Code == (refused ? ExitCode.WrongInput : ExitCode.Done), ended.Output);
        var left = (await host.ContainersAsync(deployer.Service)).Select(container => container.ID).ToArray();
        Assert.Contains(unknown, left);
        Assert.DoesNotContain(tests, left);
        Assert.Equal(!refused, ended.Output.Contains("so they are left: by another Consul they may serve; the next deploy or abort of", StringComparison.Ordinal));
        Assert.Equal(refused, ended.Output.Contains("then run this again", StringComparison.Ordinal));

        Task<string> LeaveAsync(string label) => host.RunAsync(
            "app:v2",
            new Dictionary<string, string> { [ContainerLabel.Service] = deployer.Service, [ContainerLabel.Deployment] = DeploymentId.New(), [ContainerLabel.Version] = "v2", [label] = "true" },
            Ct);
    }

    [Theory]
    [InlineData("deploy")]
    [InlineData("abort")]
    public async Task Run_ConsulHasLostItsDataAndAProxyServesOn_IsRefusedAndFailsNoRequest(string verb)
    {
        await using var proxied = await ProxiedDeployer.StartAsync(host);
        var service = proxied.Command.Service;
        Assert.Equal(ExitCode.Done, (await proxied.DeployAsync("good")).Code);
        await host.Consul.KV.Delete($"mesh/services/{service}", Ct);

        var (ended, answers) = await proxied.UnderLoadAsync(() => verb == "abort" ? proxied.Command.RunAsync([verb, service]) : proxied.DeployAsync("better"));

        Assert.True(ended.Code == ExitCode.WrongInput, ended.Output);
        Assert.Contains($"has lost the document of {service}: proxy {proxied.Command.ProxyService} at {proxied.Proxy.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)} still serves it", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Equal("running", Assert.Single(await host.ContainersAsync(service)).State);
    }

    // What it says then, the proxy has not heard yet.
    [Fact]
    public async Task Abort_ConsulIsRestoredFromAnOlderSnapshotAndAProxyServesOn_LeavesWhatItServes()
    {
        await using var way = new CuttableDocker(new Uri($"tcp://{host.ConsulAddress.Authority}"));
        await using var proxied = await ProxiedDeployer.StartAsync(host, new Uri($"http://{way.Address.Authority}"));
        var service = proxied.Command.Service;
        Assert.Equal(ExitCode.Done, (await proxied.DeployAsync("good")).Code);
        var older = (await host.Consul.KV.Get($"mesh/services/{service}", Ct)).Response!;
        Assert.Equal(ExitCode.Done, (await proxied.DeployAsync("better")).Code);
        await way.CutAsync();
        await host.Consul.KV.Put(new KVPair(older.Key) { Value = older.Value }, Ct);

        var (ended, answers) = await proxied.UnderLoadAsync(() => proxied.Command.RunAsync(["abort", service]));

        Assert.True(ended.Code == ExitCode.Done, ended.Output);
        Assert.Contains($"warning: proxy {proxied.Command.ProxyService} at {proxied.Proxy.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)} still sends requests to deployment", ended.Output, StringComparison.Ordinal);
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        var stayed = Assert.Single(await host.ContainersAsync(service), container => container.Labels[ContainerLabel.Version] == "better");
        Assert.Equal("running", stayed.State);
        Assert.Contains($"{service} is left unfinished (good is active): {stayed.Names[0][1..]} stays, for it may still serve, after ", ended.Output, StringComparison.Ordinal);
    }
}
