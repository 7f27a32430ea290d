using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace ServiceMesh.Bench;

/// <summary>
/// A Consul of the bench's own that keeps its data in memory, as the figures of others were taken: with data on disk,
/// the disk's speed would be most of what is measured.
/// </summary>
internal sealed class BenchConsul : IAsyncDisposable
{
    public const string Image = "hashicorp/consul:1.21";

    private const int Port = 8500;

    private readonly BenchContainers containers;

    private BenchConsul(BenchContainers containers, string container, Uri address)
    {
        this.containers = containers;
        Container = container;
        Address = address;
        Client = new ConsulClient(consul => consul.Address = address);
    }

    public string Container { get; }

    public Uri Address { get; }

    public ConsulClient Client { get; }

    /// <param name="docker">The Docker Engine.</param>
    /// <param name="containers">The bench's containers, of which it becomes one.</param>
    /// <param name="ct">Ends the start.</param>
    /// <param name="keepsData">Whether it keeps its data on disk after all, and so over a restart.</param>
    public static async Task<BenchConsul> StartAsync(DockerClient docker, BenchContainers containers, CancellationToken ct, bool keepsData = false)
    {
        string[] mode = keepsData ? ["-server", "-bootstrap-expect=1", "-data-dir=/tmp/consul"] : ["-dev"];
        var id = await containers.RunAsync(
            new CreateContainerParameters { Image = Image, Cmd = ["agent", .. mode, "-client=0.0.0.0"], Env = ["SERVICE_IGNORE=true"] }, ct);
        var networks = (await docker.Containers.InspectContainerAsync(id, ct)).NetworkSettings!.Networks!;
        // Its own address, so that no port has to be free and no proxy of Docker's stands between.
        var consul = new BenchConsul(containers, id, new Uri($"http://{networks.Values.First().IPAddress}:{Port}"));
        await consul.ReadyAsync(ct);
        return consul;
    }

    /// <summary>Returns when it has a leader.</summary>
    public async Task ReadyAsync(CancellationToken ct)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await poll.WaitForNextTickAsync(late.Token))
        {
            try
            {
                if (!string.IsNullOrEmpty(await Client.Status.Leader(late.Token)))
                    return;
            }
            catch (ConsulRequestException)
            {
                // It does not listen yet.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await containers.RemoveAsync(Container);
    }
}
