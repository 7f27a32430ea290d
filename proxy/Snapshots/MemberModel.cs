using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>One instance of a service with its stage.</summary>
/// <param name="Instance">What the catalog says of it.</param>
/// <param name="Stage">Its stage by the service's document.</param>
/// <param name="State">What the requests change; the same object through all snapshots.</param>
internal sealed record MemberModel(Instance Instance, Stage Stage, MemberState State)
{
    // Spelled once: it is asked for with every request.
    private readonly string url = Instance.Url;
    private readonly string? fault = Instance.Fault;

    /// <summary>The instance's address as a URL.</summary>
    public string Url => url;

    /// <summary>Why it is set aside: nobody can be asked at its address; <c>null</c> if it is not.</summary>
    public string? Fault => fault;

    /// <summary>What this proxy found out about it.</summary>
    public MemberHealth Health { get; init; } = MemberHealth.New;

    /// <summary>Since when requests are sent to it; <c>null</c> if none are.</summary>
    public DateTimeOffset? InTrafficSince { get; init; }

    /// <summary>Whether it had traffic and no drain began since.</summary>
    public bool HadTraffic { get; init; }

    /// <summary>When the requests that it still has are aborted, because it left the traffic; <c>null</c> if they are not.</summary>
    public DateTimeOffset? DrainsUntil { get; init; }

    /// <summary>Its share of its release's traffic beside the others' shares.</summary>
    public int Weight { get; init; } = Instance.Weight;

    /// <summary>The meter of its release; <c>null</c> while that is not in the traffic.</summary>
    public Meter? Release { get; init; }

    public void Answered(int status, TimeSpan after)
    {
        State.Meter.Answered(status, after);
        Release?.Answered(status, after);
    }

    public void Failed(Failure failure, TimeSpan after)
    {
        State.Meter.Failed(failure, after);
        Release?.Failed(failure, after);
    }

    public void CutOff()
    {
        State.Meter.CutOff();
        Release?.CutOff();
    }

    /// <summary>Whether it is the same running container behind the same port, whatever its health and stage.</summary>
    public bool IsSame(Instance other) =>
        Instance.Id == other.Id && Instance.Node == other.Node && Instance.Url == other.Url && Instance.Deployment == other.Deployment;
}
