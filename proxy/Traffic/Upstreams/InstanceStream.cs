using System.Net.Sockets;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>
/// A connection to an instance. One that ends before its first byte did not end because it was idle, so it ends with an error:
/// where .NET's client reads a plain end, it asks the same instance again by itself, up to three times.
/// </summary>
internal sealed class InstanceStream : NetworkStream
{
    // tcp(7): TCP_USER_TIMEOUT, which .NET has no name for.
    private const int Tcp = 6, UserTimeout = 18;
    private const int IdleSeconds = 5, GoneAfterSeconds = 20;

    private bool hasBegun;

    private InstanceStream(Socket socket)
        : base(socket, ownsSocket: true)
    {
    }

    /// <summary>Connects as .NET's client does by itself.</summary>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            return new InstanceStream(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The same for a connection that many requests share: it ends where the host at its other end vanished without a word, or else
    /// they would all be sent there until the kernel gives up, after a quarter of an hour. By TCP and not by HTTP/2's PING: gRPC's own
    /// servers end a connection on which a client asks more often than every five minutes.
    /// </summary>
    public static async ValueTask<Stream> ConnectSharedAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var stream = (InstanceStream)await ConnectAsync(context, ct);
        stream.Socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
        stream.Socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, IdleSeconds);
        stream.Socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, IdleSeconds);
        // What is sent and not acknowledged has a time of its own.
        if (OperatingSystem.IsLinux())
            stream.Socket.SetRawSocketOption(Tcp, UserTimeout, BitConverter.GetBytes(GoneAfterSeconds * 1000));
        return stream;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        hasBegun ? base.ReadAsync(buffer, cancellationToken) : ReadFirstAsync(buffer, cancellationToken);

    private async ValueTask<int> ReadFirstAsync(Memory<byte> buffer, CancellationToken ct)
    {
        var read = await base.ReadAsync(buffer, ct);
        if (read == 0 && buffer.Length > 0)
            throw new IOException("The instance closed the connection without an answer.");
        hasBegun = read > 0;
        return read;
    }
}
