using Microsoft.Extensions.Logging.Abstractions;
using ServiceMesh.Proxy.Admin;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using ServiceMesh.Tests.Unit.Proxy.Traffic;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Admin;

public sealed class StateReportTests
{
    [Fact]
    public void Of_AnInstanceThatIsGoneAndHasRequests_TellsWhatBecameOfItsRequests()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        var meter = new ProxyMeter(snapshots, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System), TimeProvider.System);
        var served = DemoService.Publish(snapshots, DemoService.Document, 1);
        served.Traffic[0].State.Enter();
        served.Traffic[0].Answered(200, TimeSpan.FromMilliseconds(1));
        var nothing = new MeshView(snapshots.Current.Documents, new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal), MeshView.NothingHeld);
        snapshots.Publish(SnapshotOrigin.Consul, nothing, new Moment(DateTimeOffset.UnixEpoch));

        var counters = Assert.Single(Assert.Single(Of(snapshots, meter).Services).Counters);

        Assert.Equal(("a", 1), (counters.Instance, counters.Answers["2xx"]));
    }

    [Fact]
    public void Of_LinesThatWereDroppedAndTheLastGoodState_TellsOfThem()
    {
        var snapshots = new SnapshotHolder(TrustedProxies.None);
        var meter = new ProxyMeter(snapshots, new BlockingQuery(NullLogger<BlockingQuery>.Instance, TimeProvider.System), TimeProvider.System);
        meter.LinesDropped(3);

        var state = Of(snapshots, meter);

        Assert.Equal((3, "it cannot be written"), (state.AccessLogDropped, state.LastGood.Fault));
    }

    private static StateReport Of(SnapshotHolder snapshots, ProxyMeter meter) => StateReport.Of(
        new ProxyReading(snapshots.Current, meter), notReady: null, new LastGoodReport(DateTimeOffset.UnixEpoch, "it cannot be written"));
}
