using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>A client whose bytes are the test's own.</summary>
internal sealed class RawClient : IAsyncDisposable
{
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(20);
    private readonly NetworkStream stream;
    private readonly StreamReader reader;

    private RawClient(Socket socket)
    {
        stream = new NetworkStream(socket, ownsSocket: true);
        reader = new StreamReader(stream, Encoding.UTF8);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<RawClient> OpenAsync(int port)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port, Ct);
        return new RawClient(socket);
    }

    public async Task SendAsync(string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);

    /// <summary>The next line, without its end; <c>null</c> at the end of the connection.</summary>
    public async Task<string?> LineAsync() => await reader.ReadLineAsync(Ct).AsTask().WaitAsync(Late, Ct);

    /// <summary>The first line of an answer; its headers are read over.</summary>
    public async Task<string?> HeadAsync()
    {
        var status = await LineAsync();
        while (await LineAsync() is { Length: > 0 })
        {
        }

        return status;
    }

    /// <summary>All that comes until the connection ends, however it does.</summary>
    public async Task<string> RestAsync()
    {
        var (rest, buffer) = (new StringBuilder(), new char[4096]);
        try
        {
            while (await reader.ReadAsync(buffer, Ct).AsTask().WaitAsync(Late, Ct) is > 0 and var read)
                rest.Append(buffer, 0, read);
        }
        catch (IOException)
        {
            // Reset in the middle of an answer.
        }

        return rest.ToString();
    }

    /// <summary>What the backend says that it was asked, of an answer after which the connection ends.</summary>
    public async Task<(string? Status, Told Told)> ReadToldAsync()
    {
        var status = await HeadAsync();
        var body = await RestAsync();
        return (status, JsonSerializer.Deserialize<Told>(body[body.IndexOf('{')..(body.LastIndexOf('}') + 1)])!);
    }

    public ValueTask DisposeAsync()
    {
        reader.Dispose();
        return stream.DisposeAsync();
    }
}
