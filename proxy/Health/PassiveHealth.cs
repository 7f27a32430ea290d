using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Retries;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Health;

/// <summary>Learns of the instances' health from what becomes of the requests to them.</summary>
internal sealed class PassiveHealth(MeshNews news, TimeProvider time)
{
    /// <summary>Takes note of how a request to an instance in the traffic ended.</summary>
    /// <param name="service">The service.</param>
    /// <param name="member">The instance.</param>
    /// <param name="error">The forwarder's word.</param>
    /// <param name="reason">The forwarder's reason.</param>
    /// <param name="status">The answer's status, where there was one.</param>
    public void Record(ServiceModel service, MemberModel member, ForwarderError error, Exception? reason, int status)
    {
        var policy = service.Stored.Document!.Traffic.Passive;
        var counts = member.State.Outcomes;
        var ejects = RetryRule.NeverSent(error, reason)
            ? counts.Failed(policy)
            : counts.Answered(policy, error is not ForwarderError.None || status >= 500, time.GetElapsedTime(0));
        if (ejects)
            news.Found(service.Stored.Service, new HealthFinding(member.State, FindingKind.Ejectable));
    }
}
