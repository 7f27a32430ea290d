using System.Globalization;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary><c>Expect: 100-continue</c> through the proxy, byte by byte.</summary>
public sealed class ExpectTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>
{
    [Theory]
    [InlineData(UpstreamProtocol.Http)]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task AnInstanceThatWantsTheBody_TheClientIsAskedForIt(UpstreamProtocol upstream)
    {
        await using var client = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        await client.SendAsync(Head($"/{mesh.ServiceOf(upstream).Name}/count"));
        Assert.Equal("HTTP/1.1 100 Continue", await client.HeadAsync());
        await client.SendAsync("12345");

        Assert.Equal("HTTP/1.1 200 OK", await client.HeadAsync());
        Assert.Contains("5", await client.RestAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http)]
    [InlineData(UpstreamProtocol.H2)]
    [InlineData(UpstreamProtocol.H2c)]
    public async Task AnInstanceThatRefusesAtOnce_TheClientIsNeverAskedForTheBody(UpstreamProtocol upstream)
    {
        await using var client = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        // Of up to 1 KB .NET's client sends the body even then, to keep its connection.
        await client.SendAsync(Head($"/{mesh.ServiceOf(upstream).Name}/refuse", 2000));

        Assert.Equal("HTTP/1.1 401 Unauthorized", await client.HeadAsync());
    }

    [Fact]
    public async Task UntilTheInstanceAsks_NothingOfTheBodyIsRead()
    {
        var (arrived, asks) = (NewStep(), NewStep());
        var early = false;
        await using var instance = RawInstance.Start(async request =>
        {
            Assert.Contains("Expect: 100-continue", request.Head, StringComparison.OrdinalIgnoreCase);
            arrived.SetResult();
            await asks.Task;
            early = request.HasMore;
            await request.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
            var body = await request.ReadAsync(5);
            await request.SendAsync(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);
        await using var client = await RawClient.OpenAsync(mesh.Proxy.Ports[0]);

        // The body comes unasked: it must lie at the proxy.
        await client.SendAsync(Head($"/{service.Name}/") + "12345");
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        asks.SetResult();

        var answer = await client.RestAsync();
        Assert.EndsWith("12345", answer, StringComparison.Ordinal);
        Assert.False(early);
    }

    private static string Head(string path, int length = 5) => $"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";

    private static TaskCompletionSource NewStep() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
