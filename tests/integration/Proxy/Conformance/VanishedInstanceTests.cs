using System.Net;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

public sealed class VanishedInstanceTests(ConformanceFixture mesh) : IClassFixture<ConformanceFixture>, IDisposable
{
    private readonly HttpClient http = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => http.Dispose();

    // All requests share the one connection: it must not be kept for as long as the kernel would, a quarter of an hour.
    [Fact]
    public async Task AnInstanceWhoseHostVanishes_ByHttp2_IsAskedOverANewConnection()
    {
        await using var relay = TcpRelay.Start(mesh.Backend.PortOf(UpstreamProtocol.H2c));
        var service = await mesh.ServeAsync(UpstreamProtocol.H2c, route => route with { Timeout = TimeSpan.FromMinutes(10) }, port: relay.Port);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(service));

        relay.Vanish();

        Assert.Equal(HttpStatusCode.BadGateway, await AskAsync(service).WaitAsync(TimeSpan.FromSeconds(60), Ct));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(service));
    }

    private async Task<HttpStatusCode> AskAsync(ServiceOnConsul service)
    {
        using var request = mesh.Request(HttpVersion.Version11, HttpMethod.Get, $"/{service.Name}/tell");
        using var answer = await http.SendAsync(request, Ct);
        return answer.StatusCode;
    }
}
