using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xunit;

namespace ServiceMesh.Tests.Integration;

/// <summary>Hands bytes on between its clients and a port of this host, and can vanish as a host does whose cable is pulled.</summary>
internal sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> open = [];
    private readonly ConcurrentBag<Task> pumps = [];
    private readonly Task accepting;

    private TcpRelay(int target)
    {
        listener.Start();
        accepting = AcceptAsync(target);
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TcpRelay Start(int target) => new(target);

    /// <summary>What comes over the connections that are open now is not so much as acknowledged any more; new ones are served.</summary>
    public void Vanish()
    {
        const int SolSocket = 1, AttachFilter = 26;
        // A filter of one instruction, BPF_RET with 0: nothing of a packet is kept (socket(7), SO_ATTACH_FILTER).
        var nothing = Marshal.AllocHGlobal(sizeof(long));
        Marshal.WriteInt64(nothing, 6);
        byte[] program = [1, 0, 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(nothing.ToInt64())];
        foreach (var socket in open.Where(socket => socket.Connected))
            socket.SetRawSocketOption(SolSocket, AttachFilter, program);
        Marshal.FreeHGlobal(nothing);
    }

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        foreach (var socket in open)
            socket.Dispose();
        await Task.WhenAll([accepting, .. pumps]);
    }

    private async Task AcceptAsync(int target)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(Ct);
                open.Add(client);
                pumps.Add(PumpAsync(client, target));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }

    private static async Task PumpAsync(Socket client, int target)
    {
        try
        {
            using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await server.ConnectAsync(IPAddress.Loopback, target, Ct);
            await using NetworkStream one = new(client, ownsSocket: true), other = new(server);
            await await Task.WhenAny(one.CopyToAsync(other, Ct), other.CopyToAsync(one, Ct));
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One of both sides is gone.
        }
    }
}
