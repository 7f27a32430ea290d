using System.Collections.Immutable;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>
/// What became of a release's requests while it is observed, over all proxies. What a proxy counted before it was first seen is left
/// out, one that is silent for a look is caught up with, and one that started anew counts from nothing. Pure.
/// </summary>
/// <param name="Deployment">The release's deployment id; <c>null</c> for no release.</param>
internal sealed record ObservedFigures(string? Deployment)
{
    /// <summary>What has come since the first look.</summary>
    public ReleaseFigures Sum { get; private init; } = ReleaseFigures.None;

    // An id is unique on its node only.
    private ImmutableDictionary<(string Node, string Id), ReleaseFigures> Last { get; init; } = ImmutableDictionary<(string Node, string Id), ReleaseFigures>.Empty;

    /// <summary>The same after one more look.</summary>
    public ObservedFigures See(IReadOnlyDictionary<Instance, ProxyAnswer?> answers)
    {
        var (sum, last) = (Sum, Last);
        foreach (var (proxy, answer) in answers)
        {
            if (answer is null)
                continue;
            var now = ReleaseFigures.Of(answer, Deployment);
            if (last.TryGetValue((proxy.Node, proxy.Id), out var before))
                sum = sum.With(now.Since(before));
            last = last.SetItem((proxy.Node, proxy.Id), now);
        }

        return this with { Sum = sum, Last = last };
    }
}
