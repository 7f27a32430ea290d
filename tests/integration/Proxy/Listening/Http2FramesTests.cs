using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>Requests by frames of HTTP/2 that no client would send: what would be another request by HTTP/1.1 never gets there.</summary>
public sealed class Http2FramesTests(ConsulFixture consul) : IAsyncLifetime
{
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
    [InlineData("a length with a sign", "content-length: +1")]
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

    // .NET's client sends none with a request.
    [Fact]
    public async Task ATrailer_StaysAtTheProxy()
    {
        var answer = await AskAsync("", ["a"], "/names", "x-sum: 42");

        Assert.StartsWith("answered: ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("x-sum", answer, StringComparison.OrdinalIgnoreCase);
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
    private async Task<string> AskAsync(string header, string[] parts, string path = "/status/200", string? trailer = null)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, proxy.Ports[1], Ct);
        await using var stream = new NetworkStream(socket);
        var written = header.StartsWith("content-length", StringComparison.Ordinal) ? header.Split('\n') : header.Length == 0 ? [] : [header];

        // In one write: after the first frame that is refused the proxy takes no other, and its word of that would be lost.
        byte[] asked =
        [
            .. Http2Wire.Greeting,
            .. Http2Wire.Request("POST", $"/{service.Name}{path}", 1, isEnd: parts.Length == 0, written),
            .. parts.Index().SelectMany(part => Http2Wire.Frame(
                Http2Wire.Data, part.Index == parts.Length - 1 && trailer is null ? Http2Wire.EndStream : (byte)0, 1, Encoding.ASCII.GetBytes(part.Item))),
            .. trailer is null ? [] : Http2Wire.Frame(Http2Wire.Headers, Http2Wire.EndStream | Http2Wire.EndHeaders, 1, Http2Wire.Block(trailer)),
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
                if (head[3] is Http2Wire.Reset or Http2Wire.GoAway)
                    return "refused";
                if (head[3] == Http2Wire.Data)
                    answer += Encoding.ASCII.GetString(payload);
                // Index 8 of HPACK's static table is :status 200.
                if (head[3] == Http2Wire.Headers && answer is null)
                    answer = payload.AsSpan(0, Math.Min(4, payload.Length)).Contains((byte)0x88) ? "answered: " : "refused";
                if (answer is "refused" || (head[3] is Http2Wire.Headers or Http2Wire.Data && (head[4] & Http2Wire.EndStream) != 0))
                    return answer!;
            }
        }
        catch (IOException)
        {
            // The connection is ended.
            return "refused";
        }
    }
}
