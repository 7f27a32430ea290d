using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Health;

/// <summary>Learns of the instances' health from what becomes of the requests to them.</summary>
internal sealed class PassiveHealth(MeshNews news, TimeProvider time)
{
    /// <summary>Takes note of how a request to an instance in the traffic ended.</summary>
    /// <param name="service">The service.</param>
    /// <param name="member">The instance.</param>
    /// <param name="failure">How it failed; <c>null</c> if it did not.</param>
    /// <param name="status">The answer's status, where there was one.</param>
    public void Record(ServiceModel service, MemberModel member, Failure? failure, int status)
    {
        var policy = service.Stored.Document!.Traffic.Passive;
        var counts = member.State.Outcomes;
        var ejects = failure switch
        {
            // No client may put an instance out of the traffic.
            Failure.Client => false,
            Failure.Connect => counts.Failed(policy),
            Failure.Timeout => counts.Silent(policy, time.GetElapsedTime(0)),
            _ => counts.Answered(policy, failure is not null || status >= StatusCodes.Status500InternalServerError, time.GetElapsedTime(0)),
        };
        // Where it is out already there is no news, and each costs a look at all services.
        if (ejects && member.Health.EjectedUntil is null)
            news.Found(service.Stored.Service, new HealthFinding(member.State, FindingKind.Ejectable));
    }
}
