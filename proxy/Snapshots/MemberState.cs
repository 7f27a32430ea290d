using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using ServiceMesh.Proxy.Health;
using ServiceMesh.Proxy.Metering;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>What a proxy knows of one instance by its own doing. The same object through all snapshots, changed by the requests.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It holds nothing but memory.")]
internal sealed class MemberState
{
    private int inFlight;
    private CancellationTokenSource aborting = new();

    /// <summary>A name for the instance in a cookie: it tells nothing, and is another one for another container or port.</summary>
    public string Tag { get; }

    public MemberState(Instance instance) => Tag = TagOf(instance);

    /// <summary>The requests that the instance is answering, upgraded connections included.</summary>
    public int InFlight => Volatile.Read(ref inFlight);

    /// <summary>What became of the requests to it.</summary>
    public Meter Meter { get; } = new();

    /// <summary>What the requests' ends say of its health.</summary>
    public PassiveCounts Outcomes { get; } = new();

    /// <summary>Ends with the drain of the requests that the instance has now.</summary>
    public CancellationToken Aborted => Volatile.Read(ref aborting).Token;

    /// <summary>Aborts the requests that the instance has; those that come later, because it is in the traffic again, are not.</summary>
    public Task AbortAsync() => Interlocked.Exchange(ref aborting, new CancellationTokenSource()).CancelAsync();

    public void Enter() => Interlocked.Increment(ref inFlight);

    /// <summary>Enters unless <paramref name="limit"/> requests are there already.</summary>
    public bool TryEnter(int limit)
    {
        // Not even for a moment more than the limit: whoever leaves just then would see no place for those who wait.
        var seen = InFlight;
        while (seen < limit)
        {
            var now = Interlocked.CompareExchange(ref inFlight, seen + 1, seen);
            if (now == seen)
                return true;
            seen = now;
        }

        return false;
    }

    public void Leave() => Interlocked.Decrement(ref inFlight);

    private static string TagOf(Instance instance) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{instance.Node}\n{instance.Id}\n{instance.Url}\n{instance.Deployment}")).AsSpan(0, 6));
}
