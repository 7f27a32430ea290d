using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ServiceMesh.Tests.Integration.RegistrySidecar;

/// <summary>A way to Docker that can be cut, or on which lists get stuck: the daemon is shared, so it cannot be restarted or stopped for a test.</summary>
internal sealed class CuttableDocker : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Uri docker;
    private readonly CancellationTokenSource ended = new();
    private readonly ConcurrentDictionary<Task, bool> connections = new();
    private readonly ConcurrentBag<NetworkStream> streams = [];
    private readonly Task accepting;
    private CancellationTokenSource cut = new();
    private volatile bool isCut;
    private volatile bool listsHang;

    public CuttableDocker(Uri docker)
    {
        this.docker = docker;
        listener.Start();
        accepting = AcceptAsync();
    }

    public Uri Address => new($"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>Breaks every connection and lets no new one through.</summary>
    public async Task CutAsync()
    {
        isCut = true;
        await cut.CancelAsync();
        await Task.WhenAll(connections.Keys);
    }

    /// <summary>Open connections.</summary>
    public int Connections => connections.Keys.Count(connection => !connection.IsCompleted);

    /// <summary>Breaks the connections on which events are followed; all others stay.</summary>
    public void BreakStreams()
    {
        while (streams.TryTake(out var stream))
            stream.Dispose();
    }

    /// <summary>Lists of the containers get no answer from now on; all else goes on.</summary>
    public void HangLists() => listsHang = true;

    public void Mend()
    {
        cut = new CancellationTokenSource();
        isCut = false;
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await CutAsync();
        listener.Stop();
        await accepting;
        ended.Dispose();
        cut.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(ended.Token);
                if (isCut)
                    client.Dispose();
                else
                    connections.TryAdd(ConnectAsync(client, cut.Token), true);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task AskAsync(NetworkStream near, NetworkStream far, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        while (await near.ReadAsync(buffer, ct) is > 0 and var read)
        {
            var asked = Encoding.ASCII.GetString(buffer, 0, read);
            // What has an end is no stream.
            if (asked.Contains("/events", StringComparison.Ordinal) && !asked.Contains("until=", StringComparison.Ordinal))
                streams.Add(near);
            if (listsHang && asked.Contains("/containers/json", StringComparison.Ordinal))
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            await far.WriteAsync(buffer.AsMemory(0, read), ct);
        }
    }

    private async Task ConnectAsync(Socket client, CancellationToken ct)
    {
        try
        {
            using var upstream = docker.Scheme == "unix"
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                : new Socket(SocketType.Stream, ProtocolType.Tcp);
            EndPoint target = docker.Scheme == "unix" ? new UnixDomainSocketEndPoint(docker.AbsolutePath) : new DnsEndPoint(docker.Host, docker.Port);
            await upstream.ConnectAsync(target, ct);
            await using var near = new NetworkStream(client, ownsSocket: true);
            await using var far = new NetworkStream(upstream, ownsSocket: false);
            await Task.WhenAny(AskAsync(near, far, ct), far.CopyToAsync(near, ct));
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // One side hung up, or the connection was cut.
        }
        finally
        {
            client.Dispose();
        }
    }
}
