using System.Net;
using ServiceMesh.Tests.Integration.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Conformance;

/// <summary>Which service a request is led to, through the whole proxy.</summary>
public sealed class RouteTests(ConsulFixture consul) : IAsyncLifetime
{
    private readonly string domain = ConsulFixture.Unique("d") + ".example";
    private readonly AsyncDisposables started = new();
    private RunningProxy proxy = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => proxy = started.Add(await RunningProxy.StartAsync(consul.Address));

    public ValueTask DisposeAsync() => started.DisposeAsync();

    [Fact]
    public async Task Request_ByHostAndPath_ReachesTheMostExactRoute()
    {
        await ServedAsync("exact", new Route(domain, "/", StripPath: false));
        await ServedAsync("below", new Route("*." + domain, "/", StripPath: false));
        await ServedAsync("eu", new Route("*.eu." + domain, "/", StripPath: false));
        await ServedAsync("api", new Route("*." + domain, "/api", StripPath: true), new Route(domain, "/api", StripPath: false));

        Assert.StartsWith("exact /x ", await AskAsync(domain, "/x"), StringComparison.Ordinal);
        Assert.StartsWith("api /api/x ", await AskAsync(domain, "/api/x"), StringComparison.Ordinal);
        Assert.StartsWith("exact /apis ", await AskAsync(domain, "/apis"), StringComparison.Ordinal);
        Assert.StartsWith("below /x ", await AskAsync($"a.b.{domain}:8000", "/x"), StringComparison.Ordinal);
        Assert.StartsWith("api /x /api ", await AskAsync("a." + domain, "/api/x"), StringComparison.Ordinal);
        Assert.StartsWith("eu /x ", await AskAsync("A.EU." + domain, "/x"), StringComparison.Ordinal);
        Assert.Equal("NotFound", await AskAsync("x" + domain, "/x"));
    }

    [Fact]
    public async Task Document_ItsRoutesChange_IsFollowed()
    {
        await using var backend = await Backend.StartAsync("one");
        var route = new Route(domain, "/old", StripPath: true);
        var service = new ServiceOnConsul(consul.Client) { RoutesOf = _ => [route] };
        await service.AddInstanceAsync("one", backend.Port);
        await FollowedAsync(service);
        Assert.StartsWith("one /x /old ", await AskAsync(domain, "/old/x"), StringComparison.Ordinal);

        route = new Route(domain, "/new", StripPath: false);
        await FollowedAsync(service);

        Assert.StartsWith("one /new/x ", await AskAsync(domain, "/new/x"), StringComparison.Ordinal);
        Assert.Equal("NotFound", await AskAsync(domain, "/old/x"));
    }

    // It is asked of the server as a whole (RFC 9110, section 9.3.7), and of an instance it would be asked as OPTIONS /.
    [Fact]
    public async Task OptionsOfTheServer_IsAnsweredHere()
    {
        await ServedAsync("one", new Route(domain, "/", StripPath: false));
        await using var raw = await RawConnection.OpenAsync(proxy.Ports[0]);

        var answer = await raw.AskAsync($"OPTIONS * HTTP/1.1\r\nHost: {domain}\r\n\r\n");

        Assert.Equal((204, ""), (answer.Status, answer.Body));
        Assert.Equal(200, (await raw.AskAsync($"OPTIONS / HTTP/1.1\r\nHost: {domain}\r\n\r\n")).Status);
        Assert.Equal(501, (await raw.AskAsync("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")).Status);
    }

    private async Task ServedAsync(string name, params Route[] routes)
    {
        var backend = started.Add(await Backend.StartAsync(name));
        var service = new ServiceOnConsul(consul.Client) { RoutesOf = _ => routes };
        await service.AddInstanceAsync("one", backend.Port);
        await FollowedAsync(service);
    }

    private async Task FollowedAsync(ServiceOnConsul service)
    {
        var index = await service.PromoteAsync("one");
        await proxy.UntilAsync(service.Name, account => account.GetProperty("index").GetUInt64() >= index);
    }

    private async Task<string> AskAsync(string host, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = host;
        using var answer = await proxy.Http.SendAsync(request, Ct);
        return answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsStringAsync(Ct) : $"{answer.StatusCode}";
    }
}
