using ServiceMesh.Proxy.Health;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>
/// Whether a promotion is put in effect now. Documents and instances come from Consul apart, and an instance is probed before
/// it is admitted: the release that was made active takes over when this proxy knows that one of its instances answers. Until
/// then what serves goes on, and this proxy tells the earlier index as the applied one. Pure.
/// </summary>
internal static class Promotion
{
    /// <summary>How long an answer is waited for. What the deployer made sure of goes before what this proxy sees.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Until when what serves goes on; <c>null</c> where the document is put in effect.</summary>
    /// <param name="before">The model until now; <c>null</c> for a new service.</param>
    /// <param name="told">The document that Consul tells of.</param>
    /// <param name="instances">What the catalog says.</param>
    /// <param name="moment">The time, and what was found out about the service's instances.</param>
    public static DateTimeOffset? WaitsUntil(ServiceModel? before, StoredDocument told, IReadOnlyList<Instance> instances, Moment moment)
    {
        if (before is null || told.Document?.Active is not { } next || next.Deployment == before.Stored.Document?.Active?.Deployment)
            return null;
        var serving = instances.Where(instance => before.Traffic.Any(member => member.IsSame(instance))).ToArray();
        var own = instances.Where(instance => instance.Deployment == next.Deployment && instance.Fault is null).ToArray();
        if (own.Length == 0)
            return serving.Length > 0 ? DateTimeOffset.MaxValue : null;
        if (!serving.Any(instance => instance.IsHealthy) || own.Any(instance => Answers(before, instance, moment)))
            return null;
        var until = before.WaitsUntil < DateTimeOffset.MaxValue && AreOfOneRelease(before.Told, told)
            ? before.WaitsUntil.Value
            : moment.Now + Patience;
        return until > moment.Now ? until : null;
    }

    /// <summary>When a promotion that waits came: with the first document that made its release active.</summary>
    public static long? WaitsSince(ServiceModel before, StoredDocument told, Moment moment) =>
        before.WaitsUntil is not null && AreOfOneRelease(before.Told, told) ? before.WaitsSince : moment.Came;

    /// <summary>Whether two documents make the same release active.</summary>
    public static bool AreOfOneRelease(StoredDocument one, StoredDocument other) => one.Document?.Active?.Deployment == other.Document?.Active?.Deployment;

    /// <summary>What is in effect meanwhile: whether requests are let in does not depend on who answers them, and a fault is told at once.</summary>
    public static StoredDocument Meanwhile(StoredDocument before, StoredDocument told)
    {
        var (was, next) = (before.Document!, told.Document!);
        return was.Pause == next.Pause && was.Maintenance == next.Maintenance && before.Fault == told.Fault
            ? before
            : before with { Document = was with { Pause = next.Pause, Maintenance = next.Maintenance }, Fault = told.Fault, FaultKind = told.FaultKind };
    }

    private static bool Answers(ServiceModel before, Instance instance, Moment moment) =>
        before.Members.FirstOrDefault(member => member.IsSame(instance)) is { } known
        && (known.InTrafficSince is not null
            || known.Health.Admission is not Admission.Pending
            || moment.FindingsOf(before.Stored.Service).Any(finding => finding.Member == known.State && finding.Kind is FindingKind.Answers));
}
