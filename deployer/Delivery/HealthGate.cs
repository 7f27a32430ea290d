namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// Decides when a candidate has been healthy for long enough: as many instances as replicas, every one of them passing,
/// and no break in that for the minimum time. Of what has served before a warning is enough, as it is for the proxies.
/// </summary>
internal sealed class HealthGate(int replicas, TimeSpan healthyFor, bool hasServed = false)
{
    private Instance[] steady = [];
    private TimeSpan since;

    /// <summary>What the candidate's instances look like at <paramref name="now"/>, a time on any steady clock.</summary>
    public GateView See(IReadOnlyList<Instance> instances, TimeSpan now)
    {
        var passing = instances.Count(instance => hasServed ? instance.IsHealthy : instance.Health == "passing");
        if (instances.Count < replicas || passing < instances.Count)
        {
            steady = [];
            return new GateView(instances.Count, passing, null);
        }

        // An instance that was replaced or moved is another one: its time begins anew.
        if (!steady.AsSpan().SequenceEqual([.. instances]))
            (steady, since) = ([.. instances], now);
        var left = since + healthyFor - now;
        return new GateView(instances.Count, passing, left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }
}

/// <param name="Registered">Instances in the catalog.</param>
/// <param name="Passing">Those among them that are as healthy as they must be.</param>
/// <param name="ReadyIn">How long all must go on passing; zero when that is over, <c>null</c> while not all are.</param>
internal sealed record GateView(int Registered, int Passing, TimeSpan? ReadyIn);
