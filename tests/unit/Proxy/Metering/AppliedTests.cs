using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using ServiceMesh.Store;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Metering;

/// <summary>What is told of how long changes take: from their arrival until they are in effect, and how long ago the last one was.</summary>
public sealed class AppliedTests
{
    private static readonly Instance One = new("a", "node", "demo", "10.0.0.9", 1, "one", "v-one", "passing");
    private static readonly Instance Two = new("b", "node", "demo", "10.0.0.9", 2, "two", "v-two", "passing");

    private readonly FakeTimeProvider time = new();
    private readonly SnapshotHolder snapshots = new(TrustedProxies.None);
    private readonly ProxyMeter meter;
    private readonly StoredDocument first = Stored(1, "one");
    private readonly StoredDocument second = Stored(2, "two");

    public AppliedTests()
    {
        meter = new ProxyMeter(snapshots, new BlockingQuery(NullLogger<BlockingQuery>.Instance, time), time);
        Publish(first, [One], came: time.GetTimestamp());
        Assert.Equal(new Lags(1, TimeSpan.Zero, TimeSpan.Zero), Told());
    }

    [Fact]
    public void Published_APromotionThatWaitsForItsInstance_CountsFromItsArrivalWhenItIsInEffect()
    {
        time.Advance(TimeSpan.FromSeconds(10));
        Publish(second, [One], came: time.GetTimestamp());
        Assert.Equal(new Lags(1, TimeSpan.Zero, TimeSpan.FromSeconds(10)), Told());

        // Its instance is known, which is a change by itself, and is waited for still.
        time.Advance(TimeSpan.FromSeconds(2));
        IReadOnlyList<Instance> both = [One, Two];
        Publish(second, both, came: time.GetTimestamp());
        Assert.Equal(new Lags(2, TimeSpan.Zero, TimeSpan.Zero), Told());

        // Found out by the proxy itself: nothing comes from Consul.
        time.Advance(TimeSpan.FromSeconds(1));
        Publish(second, both, came: null, found: "b");
        Assert.Equal(2UL, snapshots.Current.Services["demo"].Stored.Index);
        Assert.Equal(new Lags(3, TimeSpan.FromSeconds(3), TimeSpan.Zero), Told());
    }

    [Fact]
    public void Published_APromotionThatIsToldAnewWhileItWaits_CountsFromTheFirstTime()
    {
        Publish(second, [One], came: time.GetTimestamp());
        time.Advance(TimeSpan.FromSeconds(2));
        Publish(second with { Index = 3 }, [One], came: time.GetTimestamp());

        time.Advance(TimeSpan.FromSeconds(1));
        // What served is gone: what is left is in effect at once.
        Publish(second with { Index = 3 }, [], came: time.GetTimestamp());

        Assert.Equal(new Lags(2, TimeSpan.FromSeconds(3), TimeSpan.Zero), Told());
    }

    [Fact]
    public void Published_APromotionThatIsTakenBackWhileItWaits_IsNoLag()
    {
        Publish(second, [One], came: time.GetTimestamp());
        time.Advance(TimeSpan.FromSeconds(5));

        Publish(first with { Index = 3 }, [One], came: time.GetTimestamp());

        Assert.Equal(new Lags(2, TimeSpan.Zero, TimeSpan.Zero), Told());
    }

    private void Publish(StoredDocument stored, IReadOnlyList<Instance> instances, long? came, string? found = null)
    {
        var findings = snapshots.Current.Services.GetValueOrDefault("demo")?.Members
            .Where(member => member.Instance.Id == found)
            .Select(member => new HealthFinding(member.State, FindingKind.Answers));
        var touched = found is null ? null : new Dictionary<string, List<HealthFinding>>(StringComparer.Ordinal) { ["demo"] = [.. findings!] };
        var view = new MeshView(
            DocumentSet.Of([stored]), new Dictionary<string, IReadOnlyList<Instance>>(StringComparer.Ordinal) { ["demo"] = instances }, MeshView.NothingHeld);
        meter.Published(snapshots.Publish(SnapshotOrigin.Consul, view, new Moment(DateTimeOffset.UnixEpoch, touched, came)), came);
    }

    private Lags Told() => new(meter.Lag.Counts.Sum(), meter.Lag.Sum, meter.AppliedAge!.Value);

    private static StoredDocument Stored(ulong index, string deployment) => new(
        "demo", ServiceDocument.Create("demo", []).Promote(new Release(deployment, "v-" + deployment, "image", DateTimeOffset.UnixEpoch)), index, Fault: null);

    /// <param name="Count">How many lags there were.</param>
    /// <param name="Sum">All of them together.</param>
    /// <param name="Age">How long ago something was put in effect last.</param>
    private sealed record Lags(long Count, TimeSpan Sum, TimeSpan Age);
}
