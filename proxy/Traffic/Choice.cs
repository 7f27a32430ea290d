using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Traffic;

/// <summary>Chooses an instance: of two random ones the less busy, which spreads load almost as well as asking all.</summary>
internal static class Choice
{
    public static MemberModel? Pick(MemberModel[] members)
    {
        switch (members.Length)
        {
            case 0:
                return null;
            case 1:
                return members[0];
            default:
                var first = Random.Shared.Next(members.Length);
                var second = Random.Shared.Next(members.Length - 1);
                if (second >= first)
                    second++;
                return members[second].InFlight.Count < members[first].InFlight.Count ? members[second] : members[first];
        }
    }
}
