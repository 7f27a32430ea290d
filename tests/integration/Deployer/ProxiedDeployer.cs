using System.Net;
using Consul;
using ServiceMesh.Tests.Integration.Proxy;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A deployer whose service is served by a real proxy, which can be kept busy all the while.</summary>
internal sealed class ProxiedDeployer : IAsyncDisposable
{
    private readonly DeployerFixture host;

    private ProxiedDeployer(DeployerFixture host, DeployerCommand command, RunningProxy proxy) =>
        (this.host, Command, Proxy) = (host, command, proxy);

    public DeployerCommand Command { get; }

    public RunningProxy Proxy { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<ProxiedDeployer> StartAsync(DeployerFixture host)
    {
        var command = new DeployerCommand(host) { ProxyService = ConsulFixture.Unique("proxy") };
        var proxy = await RunningProxy.StartAsync(host.ConsulAddress);
        await host.Consul.Agent.ServiceRegister(
            new AgentServiceRegistration { Name = command.ProxyService, Address = "127.0.0.1", Port = proxy.Http.BaseAddress!.Port }, Ct);
        return new ProxiedDeployer(host, command, proxy);
    }

    /// <summary>Deploys a version of the service whose moods can be chosen.</summary>
    public Task<Ended> DeployAsync(string version, string more = "", string tests = "pass", CancellationTokenSource? interruption = null, Action<string>? onLine = null, params string[] args) =>
        Command.DeployAsync(version, tests, onLine, interruption, change: "/app=>/moody", more: more, args: args);

    /// <summary>Does the work while requests come, a few at a time.</summary>
    public async Task<(Ended Ended, List<HttpStatusCode> Answers)> UnderLoadAsync(Func<Task<Ended>> work)
    {
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => Proxy.LoadAsync($"/{Command.Service}/work", stop.Token)).ToArray();
        var ended = await work();
        await stop.CancelAsync();
        return (ended, [.. (await Task.WhenAll(load)).SelectMany(statuses => statuses)]);
    }

    public async ValueTask DisposeAsync()
    {
        await host.Consul.Agent.ServiceDeregister(Command.ProxyService, Ct);
        await Proxy.DisposeAsync();
    }
}
