using System.Globalization;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;
using ServiceMesh.Docker;
using Testcontainers.Consul;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Faults;

/// <summary>A real Consul of a test's own, that is killed, paused, wiped and restored. It comes back where it was.</summary>
internal sealed class FaultyConsul : IAsyncDisposable
{
    private readonly AsyncDisposables started = new();
    private readonly int port = FreePort.Next();
    private readonly HttpClient http;
    private readonly ConsulContainer container;
    private DockerClient docker = null!;

    private FaultyConsul(bool keepsData)
    {
        http = new HttpClient { BaseAddress = Address };
        Client = ConsulFixture.ClientOf(Address);
        started.Add(http.Dispose);
        started.Add(Client.Dispose);
        var builder = TestConsul.Builder().WithPortBinding(port, ConsulBuilder.ConsulHttpPort);
        // Bound to an address that it has again after a restart, or it would not find itself among its peers.
        container = (keepsData
            ? builder.WithCommand(new OverwriteEnumerable<string>(
            [
                "agent", "-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-client=0.0.0.0", "-data-dir=/tmp/consul",
                "-hcl=performance { raft_multiplier = 1 }", $"-hcl={TestConsul.Limits}",
            ]))
            : builder).Build();
    }

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    public ConsulClient Client { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="keepsData">Whether it has its data still after it was killed.</param>
    public static async Task<FaultyConsul> StartAsync(bool keepsData)
    {
        var consul = new FaultyConsul(keepsData);
        await consul.started.StartAsync(async () =>
        {
            consul.docker = await DockerEngine.ConnectAsync(endpoint: null, Ct);
            consul.started.Add(consul.docker.Dispose);
            consul.started.Add(consul.container);
            await consul.container.StartAsync(Ct);
            await consul.UntilReadyAsync();
        });
        return consul;
    }

    public Task KillAsync() => docker.Containers.KillContainerAsync(container.Id, new ContainerKillParameters(), Ct);

    public async Task StartAgainAsync()
    {
        await docker.Containers.StartContainerAsync(container.Id, new ContainerStartParameters(), Ct);
        await UntilReadyAsync();
    }

    public Task PauseAsync() => docker.Containers.PauseContainerAsync(container.Id, Ct);

    public Task UnpauseAsync() => docker.Containers.UnpauseContainerAsync(container.Id, Ct);

    /// <summary>A backup of all its data.</summary>
    public Task<byte[]> SaveAsync() => http.GetByteArrayAsync("/v1/snapshot", Ct);

    public async Task RestoreAsync(byte[] backup)
    {
        using var answer = await http.PutAsync("/v1/snapshot", new ByteArrayContent(backup), Ct);
        answer.EnsureSuccessStatusCode();
    }

    public ValueTask DisposeAsync() => started.DisposeAsync();

    // Its leader is there before its own node is.
    private async Task UntilReadyAsync()
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await IsReadyAsync(late.Token))
            await timer.WaitForNextTickAsync(late.Token);
    }

    private async Task<bool> IsReadyAsync(CancellationToken ct)
    {
        try
        {
            return (await Client.Health.State(HealthStatus.Passing, ct)).Response.Any(check => check.CheckID is "serfHealth");
        }
        catch (ConsulRequestException)
        {
            return false;
        }
    }
}
