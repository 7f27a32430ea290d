using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Health;

/// <summary>The end of the old requests of instances that left the traffic or the catalog.</summary>
internal static class Drain
{
    /// <summary>Aborts the requests of those whose drain is over and that are not back in the traffic.</summary>
    /// <param name="before">The service before it was looked at.</param>
    /// <param name="after">The service as it is in effect now.</param>
    /// <param name="now">The time.</param>
    public static Task EndAsync(ServiceModel? before, ServiceModel? after, DateTimeOffset now) => before is null
        ? Task.CompletedTask
        : Task.WhenAll(before.Members.Concat(before.Gone)
            .Where(member => member.DrainsUntil <= now && after?.Traffic.Any(entered => entered.State == member.State) != true)
            .Select(member => member.State.AbortAsync()));
}
