using ServiceMesh.Policy;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>The instances of one release that requests may go to. Immutable but for the turn.</summary>
internal sealed class ReleasePool
{
    // The sums of the weights up to and with each member; null where all weigh the same, the common case.
    private readonly int[]? sums;
    private uint turn = (uint)Random.Shared.Next();

    public ReleasePool(MemberModel[] members)
    {
        Members = members;
        if (members.Length > 1 && members.Any(member => member.Weight != members[0].Weight))
            sums = Sums(members);
    }

    public static ReleasePool Empty { get; } = new([]);

    public MemberModel[] Members { get; }

    /// <summary>A random member, each with its weight's share.</summary>
    public MemberModel Any() => sums is null ? Members[Random.Shared.Next(Members.Length)] : At(Random.Shared.Next(sums[^1]));

    /// <summary>The member whose turn it is; in one round each has as many turns as it weighs.</summary>
    public MemberModel Next()
    {
        var number = Interlocked.Increment(ref turn);
        return sums is null ? Members[number % (uint)Members.Length] : At((int)(number % (uint)sums[^1]));
    }

    /// <summary>Whether one of them has fewer requests than it may.</summary>
    public bool HasPlace(ConcurrencyLimit limit) => Array.Exists(Members, member => member.State.InFlight < limit.PerInstance);

    /// <summary>Enters the first that has fewer requests than it may; <c>null</c> if none has.</summary>
    public MemberModel? EnterAny(ConcurrencyLimit limit) => Array.Find(Members, member => member.State.TryEnter(limit.PerInstance));

    /// <summary>The pool without the given members.</summary>
    public ReleasePool Without(Func<MemberModel, bool> left) => new([.. Members.Where(member => !left(member))]);

    private MemberModel At(int point)
    {
        var place = Array.BinarySearch(sums!, point + 1);
        return Members[place < 0 ? ~place : place];
    }

    // By what all weights have in common: a round of 1 to 3 is four turns, not forty.
    private static int[] Sums(MemberModel[] members)
    {
        var unit = members.Select(member => member.Weight).Aggregate(CommonDivisor);
        var (sums, sum) = (new int[members.Length], 0);
        for (var n = 0; n < members.Length; n++)
            sums[n] = sum += members[n].Weight / unit;
        return sums;
    }

    private static int CommonDivisor(int one, int other) => other == 0 ? one : CommonDivisor(other, one % other);
}
