using System.Net.Sockets;

namespace ServiceMesh.Proxy.Traffic.Upstreams;

/// <summary>
/// A connection to an instance. One that ends before its first byte did not end because it was idle, so it ends with an error:
/// where .NET's client reads a plain end, it asks the same instance again by itself, up to three times.
/// </summary>
internal sealed class InstanceStream : NetworkStream
{
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
