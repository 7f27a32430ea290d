using System.Net;
using Xunit;

namespace ServiceMesh.Tests.Integration.Proxy.Traffic;

/// <summary>Requests that wait for the end of a pause, or get no answer but that there is none.</summary>
public sealed class WaitingTests(ConsulFixture consul) : IAsyncLifetime
{
    private TrafficScene scene = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => scene = await TrafficScene.StartAsync(consul, "one");

    public ValueTask DisposeAsync() => scene.DisposeAsync();

    [Fact]
    public async Task Pause_HoldsRequests_UntilTheServiceGoesOn()
    {
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(1)) });
        var held = Enumerable.Range(0, 5).Select(_ => scene.GetAsync()).ToArray();
        await scene.AddAsync("two");

        // Another change meanwhile lets nobody through.
        await scene.ChangeAsync(document => document with { Traffic = document.Traffic with { Sticky = true } });
        Assert.All(held, request => Assert.False(request.IsCompleted));
        await scene.ChangeAsync(document => document with { Pause = null });

        Assert.All(await Task.WhenAll(held), answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
    }

    [Fact]
    public async Task Pause_LongerThanItsLimit_Gets504()
    {
        await scene.ChangeAsync(document => document with { Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMilliseconds(50)) });

        using var answer = await scene.GetAsync();

        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.StatusCode);
    }

    [Fact]
    public async Task Maintenance_Gets503WithItsMessage_AndEndsWithIt()
    {
        await scene.ChangeAsync(document => document with
        {
            Maintenance = new Maintenance(TimeProvider.System.GetUtcNow(), "Back at noon.", TimeSpan.FromMinutes(10)),
        });

        using (var answer = await scene.GetAsync())
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Equal(TimeSpan.FromMinutes(10), answer.Headers.RetryAfter?.Delta);
            Assert.Contains("Back at noon.", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }

        await scene.ChangeAsync(document => document with { Maintenance = null });
        Assert.Equal("one", await scene.WhoAsync());
    }

    // What is to end either is tested while it lasts.
    [Fact]
    public async Task APass_LeadsToItsCandidate_ThroughMaintenanceAndPause()
    {
        await scene.AddAsync("two");
        var pass = await scene.PassAsync("two");
        var ended = (pass.Name, pass.Value[..^2]);

        await scene.ChangeAsync(document => document with { Maintenance = new Maintenance(TimeProvider.System.GetUtcNow(), null, null) });
        Assert.Equal("two", await scene.WhoAsync(pass));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable), (await StatusAsync(), await StatusAsync(ended)));

        await scene.ChangeAsync(document => document with { Maintenance = null, Pause = new Pause(TimeProvider.System.GetUtcNow(), TimeSpan.FromMilliseconds(50)) });
        Assert.Equal("two", await scene.WhoAsync(pass));
        Assert.Equal((HttpStatusCode.GatewayTimeout, HttpStatusCode.GatewayTimeout), (await StatusAsync(), await StatusAsync(ended)));
    }

    private async Task<HttpStatusCode> StatusAsync(params (string Name, string Value)[] headers)
    {
        using var answer = await scene.GetAsync("/", headers);
        return answer.StatusCode;
    }
}
