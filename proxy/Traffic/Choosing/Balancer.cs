using ServiceMesh.Policy;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Traffic.Choosing;

/// <summary>Chooses one of a release's instances by the service's policy.</summary>
internal static class Balancer
{
    /// <summary>The instance to send to; <c>null</c> if the pool is empty.</summary>
    public static MemberModel? Pick(ReleasePool pool, Balance balance) => pool.Members switch
    {
        [] => null,
        [var only] => only,
        _ => balance switch
        {
            Balance.PowerOfTwo => PowerOfTwo(pool),
            Balance.RoundRobin => pool.Next(),
            Balance.LeastRequests => LeastRequests(pool.Members),
            Balance.Random => pool.Any(),
            Balance.First => pool.Members[0],
            _ => throw new ArgumentOutOfRangeException(nameof(balance), balance, "no such policy"),
        },
    };

    // The less busy of two random ones spreads load almost as well as asking all.
    private static MemberModel PowerOfTwo(ReleasePool pool)
    {
        var (first, second) = (pool.Any(), pool.Any());
        return IsLessBusy(second, first) ? second : first;
    }

    // From a random place on, so that the first of several idle ones does not get everything.
    private static MemberModel LeastRequests(MemberModel[] members)
    {
        var start = Random.Shared.Next(members.Length);
        var least = members[start];
        for (var n = 1; n < members.Length; n++)
        {
            var other = members[(start + n) % members.Length];
            if (IsLessBusy(other, least))
                least = other;
        }

        return least;
    }

    // Busy in proportion to what it can bear.
    private static bool IsLessBusy(MemberModel one, MemberModel other) =>
        (long)one.State.InFlight * other.Weight < (long)other.State.InFlight * one.Weight;
}
