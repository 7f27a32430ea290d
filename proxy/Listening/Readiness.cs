namespace ServiceMesh.Proxy.Listening;

/// <summary>Whether new traffic should come here, and whether the traffic that is here should go elsewhere.</summary>
internal sealed class Readiness
{
    private volatile Phase phase = Phase.Starting;

    private enum Phase
    {
        Starting,
        Ready,
        Leaving,
    }

    /// <summary>Whether everything is up, and no stop has begun: what a load balancer asks.</summary>
    public bool IsReady => phase == Phase.Ready;

    /// <summary>Whether a stop has begun: each answer asks its client to come back over another connection.</summary>
    public bool IsLeaving => phase == Phase.Leaving;

    public void Ready() => phase = Phase.Ready;

    public void Leave() => phase = Phase.Leaving;
}
