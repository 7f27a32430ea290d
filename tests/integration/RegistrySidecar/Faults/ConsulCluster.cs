using System.Net.Http.Json;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Configurations;
using DotNet.Testcontainers.Networks;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.RegistrySidecar.Faults;

/// <summary>Three Consul servers, of which any one may go.</summary>
internal sealed class ConsulCluster : IAsyncDisposable
{
    private const int Servers = 3;

    private readonly AsyncDisposables started = new();
    private readonly INetwork network = new NetworkBuilder().WithLabel(TestConsul.Label, "true").Build();
    private readonly List<ConsulContainer> servers;
    private string former = "";

    public ConsulCluster()
    {
        servers = [.. Enumerable.Range(0, Servers).Select(Server)];
    }

    public static async Task<ConsulCluster> StartAsync()
    {
        var cluster = new ConsulCluster();
        await cluster.started.StartAsync(async () =>
        {
            cluster.started.Add(cluster.network);
            await cluster.network.CreateAsync(TestContext.Current.CancellationToken);
            cluster.servers.ForEach(server => cluster.started.Add(server));
            await Task.WhenAll(cluster.servers.Select(server => server.StartAsync(TestContext.Current.CancellationToken)));
        });
        return cluster;
    }

    /// <summary>The address of a server that does not lead.</summary>
    public async Task<Uri> FollowerAsync() => AddressOf((NumberOf(await LeaderAsync(AddressOf(0))) + 1) % Servers);

    /// <summary>The address of a server, and of the agent that it is, too.</summary>
    public Uri AddressOf(int number) => new(servers[number].GetBaseAddress());

    public async Task StopLeaderAsync()
    {
        former = await LeaderAsync(AddressOf(0));
        await servers[NumberOf(former)].StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until a server, by its address, knows another leader than the one that was stopped.</summary>
    public Task ElectedAsync(Uri asked) => Until.TrueAsync(async () => await LeaderAsync(asked) is { Length: > 0 } leader && leader != former);

    public ValueTask DisposeAsync() => started.DisposeAsync();

    private static async Task<string> LeaderAsync(Uri asked)
    {
        using var http = new HttpClient { BaseAddress = asked };
        return await http.GetFromJsonAsync<string>(new Uri("v1/status/leader", UriKind.Relative), TestContext.Current.CancellationToken) ?? "";
    }

    private int NumberOf(string leader) => servers.FindIndex(server => leader.StartsWith(server.IpAddress + ":", StringComparison.Ordinal));

    // Without the slow timing that Consul assumes by default, an election takes a second.
    private ConsulContainer Server(int number) => TestConsul.Builder()
        .WithNetwork(network)
        .WithNetworkAliases($"consul{number}")
        .WithCommand(new OverwriteEnumerable<string>(
        [
            "agent", "-server", "-data-dir=/tmp/consul", "-client=0.0.0.0", $"-node=consul{number}", $"-bootstrap-expect={Servers}",
            .. Enumerable.Range(0, Servers).Select(other => $"-retry-join=consul{other}"), "-retry-interval=1s",
            "-hcl=performance { raft_multiplier = 1 }", $"-hcl={TestConsul.Limits}",
        ]))
        .Build();
}
