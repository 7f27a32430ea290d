using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>Requests of which two servers could see different ends: each is refused, the connection is closed, and the instance is never asked.</summary>
public sealed class MalformedRequestTests(ConsulFixture consul) : IAsyncLifetime
{
    // What an attacker would like to be taken for a request of its own.
    private const string Smuggled = "GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n";

    private readonly AsyncDisposables started = new();
    private RunningProxy proxy = null!;
    private Backend backend = null!;
    private ServiceOnConsul service = null!;

    public ValueTask InitializeAsync() => started.StartAsync(async () =>
    {
        proxy = started.Add(await RunningProxy.StartAsync(consul.Address));
        backend = started.Add(await Backend.StartAsync("one"));
        service = new ServiceOnConsul(consul.Client);
        await service.AddInstanceAsync("one", backend.Port);
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index && account.GetProperty("instances").GetArrayLength() == 1);
    });

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Theory]
    [InlineData("Content-Length and Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding and Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")]
    [InlineData("differing lengths", "Content-Length: 0\r\nContent-Length: 5\r\n\r\n")]
    [InlineData("the same length twice", "Content-Length: 0\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a list of lengths", "Content-Length: 0, 0\r\n\r\n")]
    [InlineData("a negative length", "Content-Length: -1\r\n\r\n")]
    [InlineData("a length with a sign", "Content-Length: +3\r\n\r\nabc")]
    [InlineData("a length with a sign that is none", "Content-Length: +0\r\n\r\n")]
    [InlineData("a length behind an odd space", "Content-Length: \u000b0\r\n\r\n")]
    [InlineData("a hexadecimal length", "Content-Length: 0x0\r\n\r\n")]
    [InlineData("a length that is too great to count", "Content-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("a coding that is unknown", "Transfer-Encoding: gzip\r\n\r\n")]
    [InlineData("a coding before chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a coding after chunked", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a coding with a tail", "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n")]
    [InlineData("a coding with an odd space", "Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a coding that only resembles it", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a coding in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n")]
    [InlineData("a space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a tab before the colon", "Content-Length\t: 0\r\n\r\n")]
    [InlineData("a folded header", "X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a first header that begins with a space", " X-Space: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a header without a colon", "X-Nothing\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a header without a name", ": a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a NUL in a header", "X-Nul: a\u0000b\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("a CR in a header", "X-Cr: a\rContent-Length: 0\r\n\r\n")]
    [InlineData("a line that ends in LF alone", "X-Lf: a\nContent-Length: 0\r\n\r\n")]
    [InlineData("headers that end in LF alone", "Content-Length: 0\r\n\n")]
    public Task Headers_ThatAreMalformed_AreRefused(string what, string headers) =>
        RefusedAsync(what, $"POST /{service.Name}/status/200 HTTP/1.1\r\nHost: a\r\n{headers}{Smuggled}");

    [Theory]
    [InlineData("a size that is no number", "x\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a negative size", "-1\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size with a prefix", "0x3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size behind a space", " 3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size before a space", "3 \r\nabc\r\n0\r\n\r\n")]
    [InlineData("no size", "\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size that is too great to count", "FFFFFFFFFFFFFFFF3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size that is too small", "2\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size's line that ends in LF alone", "3\nabc\r\n0\r\n\r\n")]
    [InlineData("an extension that ends in LF alone", "3;a\nabc\r\n0\r\n\r\n")]
    [InlineData("data that ends in LF alone", "3\r\nabc\n0\r\n\r\n")]
    [InlineData("a CR alone after the size", "3\rabc\r\n0\r\n\r\n")]
    public Task Chunks_ThatAreMalformed_AreRefused(string what, string chunks) =>
        RefusedAsync(what, $"POST /{service.Name}/body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{Smuggled}");

    [Theory]
    [InlineData("no host", "GET /NAME/status/200 HTTP/1.1\r\n\r\n")]
    [InlineData("two hosts", "GET /NAME/status/200 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("a host that is none", "GET /NAME/status/200 HTTP/1.1\r\nHost: a/b\r\n\r\n")]
    [InlineData("an address of another host", "GET http://b/NAME/status/200 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("a coding in HTTP/1.0", "POST /NAME/status/200 HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("a first line that ends in LF alone", "GET /NAME/status/200 HTTP/1.1\nHost: a\r\n\r\n")]
    [InlineData("a space in the target", "GET /NAME/status/200 /x HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("two spaces after the method", "GET  /NAME/status/200 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("a method that is none", "GE(T /NAME/status/200 HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("a NUL in the target", "GET /NAME/status/200\u0000 HTTP/1.1\r\nHost: a\r\n\r\n")]
    public Task FirstLine_ThatIsMalformed_IsRefused(string what, string request) =>
        RefusedAsync(what, request.Replace("NAME", service.Name, StringComparison.Ordinal) + Smuggled);

    [Theory]
    [InlineData("Content-Length: 3\r\n\r\nabc")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: Chunked\r\n\r\n3;extension=1\r\nabc\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 0000000000000000003\r\n\r\nabc")]
    public async Task Request_ThatIsSound_IsServedAndTheNextOneToo(string rest)
    {
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);
        var request = $"POST /{service.Name}/status/200 HTTP/1.1\r\nHost: a\r\n{rest}";

        await raw.SendAsync(request + request);

        Assert.Equal((200, "one"), await raw.ReadAnswerAsync() is { } first ? (first.Status, first.Body) : default);
        Assert.Equal((200, "one"), await raw.ReadAnswerAsync() is { } second ? (second.Status, second.Body) : default);
    }

    [Fact]
    public async Task ATunnel_IsNotImplemented()
    {
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        Assert.Equal(501, (await raw.AskAsync("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")).Status);
    }

    private async Task RefusedAsync(string what, string request)
    {
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync(request);

        Assert.True(answer.Status == 400, $"{what}: {answer.Status}");
        Assert.True(await raw.IsClosedAsync(), $"{what}: the connection stays open");
        Assert.True(backend.Asked == 0, $"{what}: the instance was asked");
    }
}
