using System.Net;
using System.Net.Http.Headers;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>A route's body limit and its timeout.</summary>
public sealed class LimitTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>, IDisposable
{
    private const int Limit = 1000;

    // Kestrel counts the lengths and line ends of a chunked body, too.
    private const int Framing = 50;
    private readonly HttpClient http = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task ABodyOfTheLimit_IsPassedOn(string client, UpstreamProtocol upstream)
    {
        foreach (var content in Contents(Limit).Take(1).Concat(Contents(Limit - Framing)))
        {
            using var answer = await PostAsync(client, upstream, content);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task ALargerBody_Is413_WhetherItsLengthIsToldOrNotAndWhateverItCallsItself(string client, UpstreamProtocol upstream)
    {
        foreach (var content in Contents(Limit + 1))
        {
            using var answer = await PostAsync(client, upstream, content);

            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        }
    }

    [Fact]
    public async Task ATooLargeContentLength_IsRefusedWithoutAskingTheInstance()
    {
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route with { MaxBody = Limit, StripPath = false });
        await using var connection = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        await connection.SendAsync($"POST /{service.Name}/count HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n");

        Assert.Equal("HTTP/1.1 413 Payload Too Large", await connection.HeadAsync());
        Assert.DoesNotContain($"/{service.Name}/count", mesh.Backend.Asked);
    }

    [Theory]
    [MemberData(nameof(Versions.Both), MemberType = typeof(Versions))]
    public async Task AnInstanceThatSaysNothing_Is504AfterTheRoutesTimeout(string client, UpstreamProtocol upstream)
    {
        var service = await mesh.ServeAsync(upstream, route => route with { Timeout = TimeSpan.FromMilliseconds(200) });
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Get, $"/{service.Name}/silent");

        using var answer = await http.SendAsync(request, Ct).WaitAsync(TimeSpan.FromSeconds(20), Ct);

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
    }

    [Fact]
    public async Task AStreamThatFallsSilent_EndsAsABrokenOne()
    {
        await using var connection = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);
        await using var instance = RawInstance.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
            await request.ClosedAsync();
        });
        var silent = await mesh.ServeAsync(UpstreamProtocol.Http, route => route with { Timeout = TimeSpan.FromMilliseconds(500) }, port: instance.Port);

        await connection.SendAsync($"GET /{silent.Name}/ HTTP/1.1\r\nHost: a\r\n\r\n");

        Assert.Equal("HTTP/1.1 200 OK", await connection.HeadAsync());
        Assert.DoesNotContain("\r\n0\r\n", await connection.RestAsync(), StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> PostAsync(string client, UpstreamProtocol upstream, HttpContent content)
    {
        var service = await mesh.ServeAsync(upstream, route => route with { MaxBody = Limit });
        using var request = mesh.Request(Version.Parse(client), HttpMethod.Post, $"/{service.Name}/count");
        request.Content = content;
        // An early answer ends the sending: the body is held back until the proxy asks for it.
        request.Headers.ExpectContinue = true;
        return await http.SendAsync(request, Ct);
    }

    private static IEnumerable<HttpContent> Contents(int size)
    {
        yield return new ByteArrayContent(new byte[size]);
        yield return Unsized(size);
        var grpc = Unsized(size);
        grpc.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        yield return grpc;
    }

    private static StreamContent Unsized(int size) => new(new OneWay(new byte[size]));

    private sealed class OneWay(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
