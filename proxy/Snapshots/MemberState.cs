using System.Security.Cryptography;
using System.Text;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>What a proxy knows of one instance by its own doing. The same object through all snapshots, changed by the requests.</summary>
internal sealed class MemberState
{
    private int inFlight;

    /// <summary>A name for the instance in a cookie: it tells nothing, and is another one for another container or port.</summary>
    public string Tag { get; }

    /// <summary>What became of the requests to it.</summary>
    public Meter Meter { get; } = new();

    public MemberState(Instance instance) => Tag = TagOf(instance);

    /// <summary>The requests that the instance is answering, upgraded connections included.</summary>
    public int InFlight => Volatile.Read(ref inFlight);

    public void Enter() => Interlocked.Increment(ref inFlight);

    /// <summary>Enters unless <paramref name="limit"/> requests are there already.</summary>
    public bool TryEnter(int limit)
    {
        if (Interlocked.Increment(ref inFlight) <= limit)
            return true;
        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref inFlight);

    private static string TagOf(Instance instance) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{instance.Node}\n{instance.Id}\n{instance.Url}\n{instance.Deployment}")).AsSpan(0, 6));
}
