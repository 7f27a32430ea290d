using System.Net;
using ServiceMesh.Deployer.Delivery;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ProxyFleetTests
{
    // A proxy answers 503 while it hands over to another: that says nothing.
    [Theory]
    [InlineData(HttpStatusCode.NotFound, true)]
    [InlineData(HttpStatusCode.ServiceUnavailable, false)]
    public async Task Ask_OfAServiceThatTheProxyDoesNotKnow_IsToldFromSilence(HttpStatusCode status, bool known)
    {
        using var server = new LocalServer(_ => "{}") { Status = _ => status };
        using var http = new HttpClient();
        var proxy = new Instance("p1", "n", "proxy", "127.0.0.1", server.Port, "", "", "passing");
        var fleet = new ProxyFleet(catalog: null!, http, "proxy", TimeProvider.System);

        var answers = await fleet.AskAsync("demo", [proxy], TestContext.Current.CancellationToken, ProxyAnswer.NoService);

        Assert.Equal(known ? ProxyAnswer.NoService : null, answers[proxy]);
    }
}
