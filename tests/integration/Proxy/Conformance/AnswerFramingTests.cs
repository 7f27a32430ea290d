using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>Where an answer ends, and what comes behind a body: a client of HTTP/1.1 is never out of step.</summary>
public sealed class AnswerFramingTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Content-Length: +3")]
    [InlineData("Content-Length: -3")]
    [InlineData("Content-Length: 0x3")]
    [InlineData("Content-Length: 3, 5")]
    [InlineData("Content-Length: 3\r\nContent-Length: 5")]
    public async Task Length_ThatIsNoPlainNumber_Is502(string length)
    {
        await using var instance = RawInstance.Start($"HTTP/1.1 200 OK\r\n{length}\r\n\r\nabcde");

        Assert.All(await AskTwiceAsync(instance), answer => Assert.Equal(502, answer.Status));
    }

    // RFC 9112, section 6.3: the coding goes before the length.
    [Fact]
    public async Task Length_BesideACoding_IsNotPassedOn()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");

        Assert.All(await AskTwiceAsync(instance), answer => Assert.Equal((200, "abcde", false), (answer.Status, answer.Body, answer.Headers.ContainsKey("Content-Length"))));
    }

    // Kestrel sends none by HTTP/1.1. One that came all the same would be taken for the next answer's first line.
    [Fact]
    public async Task Trailers_OfAnHttp1Answer_DoNotReachAnHttp1Client()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n");

        Assert.All(await AskTwiceAsync(instance), IsTheBodyAlone);
    }

    [Theory]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task Trailers_OfAnHttp2Answer_DoNotReachAnHttp1Client(UpstreamProtocol upstream) =>
        Assert.All(await AskTwiceAsync($"/{mesh.ServiceOf(upstream).Name}/trailers"), IsTheBodyAlone);

    // .NET's client sends none with a request.
    [Theory]
    [InlineData("")]
    [InlineData("Trailer: X-Sum\r\n")]
    public async Task Trailers_OfAnHttp1Request_DoNotReachAnHttp1Instance(string announced)
    {
        const string Body = "3\r\nabc\r\n0\r\n\r\n";
        var came = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var instance = RawInstance.Start(async request =>
        {
            came.TrySetResult(await request.ReadAsync(Body.Length));
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var client = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);

        var answer = await client.AskAsync($"POST /{service.Name}/ HTTP/1.1\r\nHost: a\r\n{announced}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\n\r\n");

        Assert.Equal((200, Body), (answer.Status, await came.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct)));
    }

    private static void IsTheBodyAlone(RawAnswer answer) =>
        Assert.Equal((200, "body", false), (answer.Status, answer.Body, answer.Headers.ContainsKey("X-Sum")));

    private async Task<RawAnswer[]> AskTwiceAsync(RawInstance instance) =>
        await AskTwiceAsync($"/{(await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port)).Name}/");

    // Over one connection.
    private async Task<RawAnswer[]> AskTwiceAsync(string path)
    {
        await using var client = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);
        var request = $"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n";
        return [await client.AskAsync(request), await client.AskAsync(request)];
    }
}
