using System.Globalization;
using ServiceMesh.Tests.Integration.Proxy.Conformance;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Health;

/// <summary>What an instance is charged with, by what the proxy counts.</summary>
public sealed class BlameTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ABodyThatIsRefusedBeforeItIsThere_IsCountedAsABrokenAnswerAtMost()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);

        for (var n = 0; n < 20; n++)
        {
            using var body = new ByteArrayContent(new byte[5_000_000]);
            using var answer = await mesh.Proxy.Http.PostAsync($"/{service.Name}/", body, Ct);
            // An early answer may be lost on its way.
            Assert.Contains((int)answer.StatusCode, (int[])[413, 502]);
        }

        Assert.DoesNotContain(await FailuresAsync(service), failure => failure.Reason != "broken");
    }

    [Fact]
    public async Task AnAnswerThatBreaksOff_IsTheInstancesFault_ThoughTheProxyHangsUpOnTheClient()
    {
        await using var instance = RawInstance.Start("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route, port: instance.Port);

        for (var n = 0; n < 50; n++)
        {
            await using var raw = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);
            await raw.SendAsync($"GET /{service.Name}/ HTTP/1.1\r\nHost: a\r\n\r\n");
            await raw.CountRestAsync();
        }

        Assert.Equal([("cut_off", 50)], await FailuresAsync(service));
    }

    // With the length of its answer told or not: the client was promised more.
    [Theory]
    [InlineData("Content-Length: 1000")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task AnAnswerOfWhichOnlyTheHeadersCome_IsTheInstancesFault(string framing)
    {
        await using var instance = RawInstance.Start(async request =>
        {
            await request.SendAsync($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n\r\n");
            await request.ClosedAsync();
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route with { Timeout = TimeSpan.FromMilliseconds(300) }, port: instance.Port);

        using var answer = await mesh.Proxy.Http.GetAsync($"/{service.Name}/", Ct);

        Assert.Equal(502, (int)answer.StatusCode);
        Assert.Equal([("cut_off", 1)], await FailuresAsync(service));
    }

    [Fact]
    public async Task AStreamThatFallsSilent_IsNoFaultOfTheInstance()
    {
        await using var instance = RawInstance.Start(async request =>
        {
            await request.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
            await request.ClosedAsync();
        });
        var service = await mesh.ServeAsync(UpstreamProtocol.Http, route => route with { Timeout = TimeSpan.FromMilliseconds(300) }, port: instance.Port);

        await using var raw = await RawConnection.OpenAsync(mesh.Proxy.Ports[0]);
        await raw.SendAsync($"GET /{service.Name}/ HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.True(await raw.CountRestAsync() > 0);

        await mesh.Proxy.UntilAsync(service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == 0);
        Assert.Empty(await FailuresAsync(service));
    }

    private async Task<(string Reason, int Count)[]> FailuresAsync(ServiceOnConsul service)
    {
        await mesh.Proxy.UntilAsync(service.Name, account => account.GetProperty("instances")[0].GetProperty("inFlight").GetInt32() == 0);
        return [.. (await mesh.Proxy.Admin.GetStringAsync("/metrics", Ct)).Split('\n')
            .Where(line => line.StartsWith($"mesh_proxy_failures_total{{service=\"{service.Name}\"", StringComparison.Ordinal))
            .Select(line => (line.Split("reason=\"")[1].Split('"')[0], int.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture)))
            .Where(failure => failure.Item2 > 0)];
    }
}
