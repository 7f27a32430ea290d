using ServiceMesh.Policy;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Health;

/// <summary>How an instance is probed now.</summary>
/// <param name="Target">Where the probe goes.</param>
/// <param name="IsAdmission">Whether a single success is awaited, again and again; else the policy's interval counts.</param>
/// <param name="IsGood">Where it stands at the beginning.</param>
internal sealed record ProbeMode(ProbeTarget Target, bool IsAdmission, bool IsGood)
{
    /// <summary>The mode for an instance; <c>null</c> where it needs no probe.</summary>
    public static ProbeMode? Of(MemberModel member, ServiceDocument? document)
    {
        if (member.Fault is not null)
            return null;
        var policy = document?.Traffic.Probe;
        var target = new ProbeTarget(member.Instance.Address, member.Instance.Port, member.Url, policy, policy is not null && document!.Routes is [var first, ..] ? first : null);
        // Nobody is in need of an answer from an instance that is out of the traffic by its ejection.
        if (member.Health.EjectedUntil is not null && member.InTrafficSince is null)
            return null;
        if (member.Health.Admission is Admission.Pending || (policy is null && member.Health.Admission is Admission.Failed))
            return new ProbeMode(target, IsAdmission: true, IsGood: false);
        return policy is not null && member.Stage == Stage.Active
            ? new ProbeMode(target, IsAdmission: false, member.Health.Admission is Admission.Admitted)
            : null;
    }

    /// <summary>Whether a probing that began in this mode may go on in the other.</summary>
    public bool GoesOnAs(ProbeMode? other) => other is not null && other.Target == Target && other.IsAdmission == IsAdmission;
}

/// <summary>Where a probe goes.</summary>
/// <param name="Host">Host name or address.</param>
/// <param name="Port">TCP port.</param>
/// <param name="Url">The instance's address as a URL.</param>
/// <param name="Policy">The service's policy; <c>null</c> for a connection alone.</param>
/// <param name="Route">The route whose protocol the instance is asked in; <c>null</c> for HTTP/1.1.</param>
internal sealed record ProbeTarget(string Host, int Port, string Url, ProbePolicy? Policy, Route? Route)
{
    public TimeSpan Timeout => Policy?.Timeout ?? ProbePolicy.DefaultTimeout;

    public TimeSpan Interval => Policy?.Interval ?? ProbePolicy.DefaultInterval;
}

/// <summary>Probes that failed or succeeded one after the other, and what they say by the policy. Pure.</summary>
internal sealed class ProbeStreak(bool isGood)
{
    private int against;

    public bool IsGood { get; private set; } = isGood;

    /// <returns>Whether the word changed.</returns>
    public bool Add(bool succeeded, ProbePolicy policy)
    {
        against = succeeded == IsGood ? 0 : against + 1;
        if (against < (IsGood ? policy.Failures : policy.Successes))
            return false;
        (IsGood, against) = (succeeded, 0);
        return true;
    }
}
