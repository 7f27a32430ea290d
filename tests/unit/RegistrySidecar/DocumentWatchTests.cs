using System.Net;
using Consul;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using NSubstitute;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class DocumentWatchTests
{
    [Fact]
    public async Task Execute_QueryIsRefusedAgainAndAgain_IsOneFailureAndOthersAreOneEach()
    {
        var time = new FakeTimeProvider();
        using var meters = new GivenOperation.Meters();
        var queries = new BlockingQuery(NullLogger<BlockingQuery>.Instance, time);
        var store = new MeshStore(Substitute.For<IConsulClient>(), queries);
        using var watch = new DocumentWatch(store, queries, new WorkQueue(), GivenOperation.Metrics(time, meters), NullLogger<DocumentWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (queries.OnFailure is null)
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, late.Token);

        foreach (var (said, status) in ((string, HttpStatusCode)[])
            [("one", HttpStatusCode.Forbidden), ("one", HttpStatusCode.Forbidden), ("two", HttpStatusCode.Forbidden), ("one", HttpStatusCode.BadGateway), ("one", HttpStatusCode.BadGateway)])
            queries.OnFailure!(new ConsulRequestException(said, status));

        Assert.Equal((2, 2), (GivenOperation.Failures(meters, "consul_forbidden"), GivenOperation.Failures(meters, "consul_server")));
        await watch.StopAsync(CancellationToken.None);
    }
}
