using ServiceMesh.Policy;

namespace ServiceMesh.Deployer.Manifest;

/// <summary>How a release comes into the traffic: one of these, or none for all at once.</summary>
internal sealed record Strategy(CanaryPolicy? Canary = null, RollingPolicy? Rolling = null, AbPolicy? Ab = null);

/// <summary>Reads how a release comes into the traffic, and how it is watched afterwards.</summary>
internal static class StrategyReader
{
    private static readonly string[] Keys = ["canary", "rolling", "ab"];
    private static readonly string[] ObservationKeys = ["bake", "minimum", "error-share", "p99-ratio", "synthetic"];
    private static readonly string[] CanaryKeys = ["steps", .. ObservationKeys];
    private static readonly string[] RollingKeys = ["batch", .. ObservationKeys];
    private static readonly string[] AbKeys = ["share", "header", "cookie"];
    private static readonly string[] MatchKeys = ["name", "value"];
    private static readonly string[] WatchKeys = ["for", "error-share", "minimum"];

    public static Strategy Read(Section root)
    {
        if (root.Child("strategy", Keys) is not { } strategy)
            return new Strategy();
        if (Keys.Count(strategy.Has) > 1)
            root.Fault("strategy", "choose one of canary, rolling and ab");
        return new Strategy(Canary(strategy), Rolling(strategy), Ab(strategy));
    }

    public static WatchPolicy? Watch(Section root)
    {
        if (root.Child("watch", WatchKeys) is not { } watch)
            return null;
        var usual = new WatchPolicy();
        return new WatchPolicy
        {
            For = watch.Duration("for", usual.For, TimeSpan.FromSeconds(1)),
            ErrorShare = watch.Share("error-share") ?? usual.ErrorShare,
            Minimum = watch.Whole("minimum", usual.Minimum, 1, 1_000_000),
        };
    }

    private static CanaryPolicy? Canary(Section strategy)
    {
        if (strategy.Child("canary", CanaryKeys) is not { } canary)
            return null;
        var policy = Observation(canary, new CanaryPolicy(), leastBake: TimeSpan.FromSeconds(1));
        return policy with { Steps = Steps(canary) ?? policy.Steps };
    }

    private static RollingPolicy? Rolling(Section strategy) => strategy.Child("rolling", RollingKeys) is { } rolling
        ? Observation(rolling, new RollingPolicy(), leastBake: TimeSpan.Zero) with { Batch = rolling.Whole("batch", 1, 1, ServiceManifest.MostReplicas) }
        : null;

    private static T Observation<T>(Section section, T usual, TimeSpan leastBake)
        where T : ObservationPolicy => usual with
        {
            Bake = section.Duration("bake", usual.Bake, leastBake),
            Minimum = section.Whole("minimum", usual.Minimum, 1, 1_000_000),
            ErrorShare = section.Share("error-share") ?? usual.ErrorShare,
            P99Ratio = section.Has("p99-ratio") ? section.Number("p99-ratio", 1, 1, 100) : usual.P99Ratio,
            Synthetic = Synthetic(section),
        };

    private static AbPolicy? Ab(Section strategy)
    {
        if (strategy.Child("ab", AbKeys) is not { } ab)
            return null;
        if (!AbKeys.Any(ab.Has))
            strategy.Fault("ab", "which requests? Give share, header or cookie");
        return new AbPolicy((ab.Share("share") ?? 0) * 100, Match(ab, "header"), Match(ab, "cookie"));
    }

    private static SplitMatch? Match(Section ab, string key)
    {
        if (ab.Child(key, MatchKeys) is not { } section)
            return null;
        var name = section.Required("name", "the name that chooses the candidate, such as X-Beta");
        var value = section.Required("value", "its exact value, such as yes");
        if (name is null || value is null)
            return null;
        var match = new SplitMatch(name, value);
        foreach (var fault in match.Faults(key))
            ab.Fault(fault);
        return match;
    }

    private static List<double>? Steps(Section canary)
    {
        if (!canary.Has("steps"))
            return null;
        var shares = canary.List("steps", text => Section.TryShare(text, out var share) && share is > 0 and < 1
            ? null
            : $"'{text}' must be a share between 0 and 100 %, such as 10%");
        var steps = shares.Select(text => Section.TryShare(text, out var share) ? share * 100 : 0).ToList();
        if (steps.Zip(steps.Skip(1)).Any(pair => pair.Second <= pair.First))
            canary.Fault("steps", "each step must be larger than the one before; all of the traffic comes after the last by itself");
        return steps.Count > 0 ? steps : null;
    }

    private static string? Synthetic(Section section)
    {
        var path = section.Text("synthetic");
        if (path is not null && !ProbePolicy.IsPath(path))
            section.Fault("synthetic", $"'{path}' must be a path behind the service's route that begins with '/', such as /health");
        return path;
    }
}
