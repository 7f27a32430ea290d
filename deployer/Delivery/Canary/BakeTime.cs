using System.Collections.Immutable;

namespace ServiceMesh.Deployer.Delivery.Canary;

/// <summary>
/// How long figures are looked at, so that they are whole: the bake begins when each proxy that serves has told them once, for what it
/// counted before is left out, and is over when each has told them once more after its end. It is enough that each does so in some
/// look; one that does not within 15 s is named. Pure.
/// </summary>
/// <param name="Bake">How long the release is observed.</param>
internal sealed record BakeTime(TimeSpan Bake)
{
    // One that died is critical in Consul by then, and one that is only slow has told.
    private static readonly TimeSpan SilentFor = TimeSpan.FromSeconds(15);

    /// <summary>Whether nothing more is looked at.</summary>
    public bool IsOver { get; private init; }

    /// <summary>A sentence for each proxy that is waited for.</summary>
    public IReadOnlyList<string> Silent { get; private init; } = [];

    private bool HasBegun { get; init; }

    // From when on the proxies are to tell their figures once.
    private TimeSpan From { get; init; }

    // Those that have since then. An id is unique on its node only.
    private ImmutableHashSet<(string Node, string Id)> Told { get; init; } = [];

    /// <summary>The same after one more look, that was begun at <paramref name="now"/>.</summary>
    public BakeTime See(TimeSpan now, IReadOnlyDictionary<Instance, ProxyAnswer?> answers)
    {
        if (now < From)
            return this;
        var told = Told.Union(answers.Where(pair => pair.Value is not null).Select(pair => (pair.Key.Node, pair.Key.Id)));
        // Whether it told, not what.
        var silent = ProxyState.Silent(answers.ToDictionary(pair => pair.Key, pair => told.Contains((pair.Key.Node, pair.Key.Id)) ? ProxyAnswer.NoService : null));
        return silent.Count == 0 && !HasBegun
            ? this with { HasBegun = true, From = now + Bake, Told = [], Silent = [] }
            : this with { Told = told, Silent = silent, IsOver = silent.Count == 0 || now - From >= SilentFor };
    }
}
