using System.Net;
using ServiceMesh.Tests.Integration.Proxy;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Deployer;

/// <summary>A deployer whose service is served by a real proxy, which can be kept busy all the while.</summary>
internal sealed class ProxiedDeployer : IAsyncDisposable
{
    private readonly AsyncDisposables started;

    private ProxiedDeployer(DeployerCommand command, RunningProxy proxy, AsyncDisposables started) =>
        (Command, Proxy, this.started) = (command, proxy, started);

    public DeployerCommand Command { get; }

    public RunningProxy Proxy { get; }

    /// <param name="host">Where it delivers to.</param>
    /// <param name="consul">The proxy's own way to Consul; <c>null</c> for the usual one.</param>
    public static Task<ProxiedDeployer> StartAsync(DeployerFixture host, Uri? consul = null)
    {
        var begun = new AsyncDisposables();
        return begun.StartAsync(async () =>
        {
            var name = ConsulFixture.Unique("proxy");
            var proxy = begun.Add(await RunningProxy.StartAsync(consul ?? host.ConsulAddress));
            begun.Add(await host.RegisterProxyAsync(name, proxy.Ports[0]));
            // For answers of the slow release, on a slow machine: nobody waits so long where nothing is in flight.
            var command = begun.Add(new DeployerCommand(host) { ProxyService = name, Drain = "5s", Deadline = "1m" });
            return new ProxiedDeployer(command, proxy, begun);
        });
    }

    /// <summary>Deploys a version of the service whose moods can be chosen.</summary>
    public Task<Ended> DeployAsync(string version, string more = "", string tests = "pass", CancellationTokenSource? interruption = null, Action<string>? onLine = null, params string[] args) =>
        Command.DeployAsync(version, tests, onLine, interruption, change: "/app=>/moody", more: more, args: args);

    /// <summary>Waits until the proxy sends the candidate its share.</summary>
    public Task UntilSharingAsync() =>
        Proxy.UntilAsync(Command.Service, account => account.GetProperty("releases").GetArrayLength() == 2, TimeSpan.FromMinutes(1));

    /// <summary>Does the work while requests come, a few at a time.</summary>
    public async Task<(Ended Ended, List<HttpStatusCode> Answers)> UnderLoadAsync(Func<Task<Ended>> work)
    {
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Proxy.LoadAsync($"/{Command.Service}/work", stop.Token)));
        try
        {
            var ended = await work();
            await stop.CancelAsync();
            return (ended, [.. (await load).SelectMany(statuses => statuses)]);
        }
        finally
        {
            await stop.CancelAsync();
            await ((Task)load).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Of the answers while one of two hosts died: one of each of the four that are asked at a time may be cut off in its middle, which nobody can
    /// repeat; all others another instance answers.
    /// </summary>
    public static void AssertOnlyCutOff(IEnumerable<HttpStatusCode> answers)
    {
        HttpStatusCode[] failed = [.. answers.Where(status => status != HttpStatusCode.OK)];
        Assert.All(failed, status => Assert.Equal(RawLoad.CutOff, status));
        Assert.InRange(failed.Length, 0, 4);
    }

    public ValueTask DisposeAsync() => started.DisposeAsync();
}
