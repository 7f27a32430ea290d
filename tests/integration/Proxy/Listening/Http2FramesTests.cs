using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>Requests by frames of HTTP/2 that no client would send: what would be another request by HTTP/1.1 never gets there.</summary>
public sealed class Http2FramesTests(ConsulFixture consul) : IAsyncLifetime
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, GoAway = 7;
    private const byte EndStream = 1, EndHeaders = 4;

    private readonly AsyncDisposables started = new();
    private RunningProxy proxy = null!;
    private Backend backend = null!;
    private ServiceOnConsul service = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        proxy = started.Add(await RunningProxy.StartAsync(consul.Address, state: null, KeyValuePair.Create<string, string?>("H2cPort", "0")));
        backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index && account.GetProperty("instances").GetArrayLength() == 1);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task ASoundRequest_IsServed()
    {
        Assert.Equal("answered: one", await AskAsync("", []));
        Assert.Equal(1, backend.Asked);
    }

    [Theory]
    [InlineData("a coding", "transfer-encoding: chunked")]
    [InlineData("a header of the connection", "connection: close")]
    [InlineData("a CR LF in a value", "x-split: a\r\nGET /status/200 HTTP/1.1")]
    [InlineData("a LF in a value", "x-split: a\nb")]
    [InlineData("a CR in a value", "x-split: a\rb")]
    [InlineData("a NUL in a value", "x-split: a\0b")]
    [InlineData("a name in upper case", "X-Upper: a")]
    [InlineData("two lengths", "content-length: 1\ncontent-length: 2")]
    public async Task AHeader_ThatWouldBeAnothersFraming_IsRefused(string what, string header) => await RefusedAsync(what, header, ["a"]);

    // Kestrel takes them in.
    [Theory]
    [InlineData("x split: a")]
    [InlineData("x-a\r\nx-b: a")]
    public async Task AHeader_WhoseNameIsNone_StaysAtTheProxy(string header)
    {
        var answer = await AskAsync(header, ["a"], "/names");

        Assert.DoesNotContain(answer.Split('\n'), name => name.StartsWith("x-a", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("x-b", StringComparison.OrdinalIgnoreCase) || name.StartsWith("x split", StringComparison.OrdinalIgnoreCase));
        Assert.StartsWith("answered: ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("more than the length", "content-length: 1", new[] { "abc" })]
    [InlineData("less than the length", "content-length: 5", new[] { "a", "b" })]
    [InlineData("a length and no body", "content-length: 5", new string[0])]
    public async Task ABody_OfAnotherLengthThanItsHeaderSays_IsNoAnsweredRequest(string what, string header, string[] parts) =>
        Assert.True(await AskAsync(header, parts) == "refused", what);

    private async Task RefusedAsync(string what, string header, string[] parts)
    {
        var answer = await AskAsync(header, parts);

        Assert.True((answer, backend.Asked) == ("refused", 0), $"{what}: {answer}, the instance was asked {backend.Asked} times");
    }

    /// <returns><c>answered: </c> and the body for a 200 of the instance, else <c>refused</c>: the stream or the connection is ended, or there is another answer.</returns>
    private async Task<string> AskAsync(string header, string[] parts, string path = "/status/200")
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
        await using var stream = new NetworkStream(socket);
        var block = new MemoryStream();
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", $"/{service.Name}{path}")])
            Write(block, name, value);
        var written = header.StartsWith("content-length", StringComparison.Ordinal) ? header.Split('\n') : header.Length == 0 ? [] : [header];
        foreach (var line in written)
            Write(block, line[..line.IndexOf(": ", StringComparison.Ordinal)], line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]);

        // In one write: after the first frame that is refused the proxy takes no other, and its word of that would be lost.
        byte[] asked =
        [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8,
            .. Frame(Settings, 0, 0, []),
            .. Frame(Headers, (byte)(EndHeaders | (parts.Length == 0 ? EndStream : 0)), 1, block.ToArray()),
            .. parts.Index().SelectMany(part => Frame(Data, part.Index == parts.Length - 1 ? EndStream : (byte)0, 1, Encoding.ASCII.GetBytes(part.Item))),
        ];
        string? answer = null;
        try
        {
            await stream.WriteAsync(asked, Ct);
            while (true)
            {
                var head = new byte[9];
                await stream.ReadExactlyAsync(head, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);
                var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
                await stream.ReadExactlyAsync(payload, Ct);
                if (head[3] is Reset or GoAway)
                    return "refused";
                if (head[3] == Data)
                    answer += Encoding.ASCII.GetString(payload);
                // Index 8 of HPACK's static table is :status 200.
                if (head[3] == Headers && answer is null)
                    answer = payload.AsSpan(0, Math.Min(4, payload.Length)).Contains((byte)0x88) ? "answered: " : "refused";
                if (answer is "refused" || (head[3] is Headers or Data && (head[4] & EndStream) != 0))
                    return answer!;
            }
        }
        catch (IOException)
        {
            // The connection is ended.
            return "refused";
        }
    }

    // RFC 9113, section 4.1.
    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2], frame[3], frame[4]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    // RFC 7541, section 6.2.2: a literal without indexing, with a new name; both shorter than 127 bytes and not compressed.
    private static void Write(MemoryStream block, string name, string value)
    {
        block.WriteByte(0);
        foreach (var text in (ReadOnlySpan<string>)[name, value])
        {
            block.WriteByte((byte)text.Length);
            block.Write(Encoding.ASCII.GetBytes(text));
        }
    }
}
