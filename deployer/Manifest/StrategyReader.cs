namespace ServiceMesh.Deployer.Manifest;

/// <summary>How a release comes into the traffic: one of these, or none for all at once.</summary>
internal sealed record Strategy(CanaryPolicy? Canary = null, RollingPolicy? Rolling = null, AbPolicy? Ab = null);

/// <summary>Reads how a release comes into the traffic, and how it is watched afterwards.</summary>
internal static class StrategyReader
{
    private static readonly string[] Keys = ["canary", "rolling", "ab"];
    private static readonly string[] CanaryKeys = ["steps", "bake", "minimum", "error-share", "p99-ratio", "synthetic"];
    private static readonly string[] RollingKeys = ["batch"];
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
        var usual = new CanaryPolicy();
        return usual with
        {
            Bake = canary.Duration("bake", usual.Bake, TimeSpan.FromSeconds(1)),
            Minimum = canary.Whole("minimum", usual.Minimum, 1, 1_000_000),
            ErrorShare = canary.Share("error-share") ?? usual.ErrorShare,
            P99Ratio = canary.Number("p99-ratio", usual.P99Ratio, 1, 100),
            Synthetic = Synthetic(canary),
            Steps = Steps(canary) ?? usual.Steps,
        };
    }

    private static RollingPolicy? Rolling(Section strategy) => strategy.Child("rolling", RollingKeys) is { } rolling
        ? new RollingPolicy(rolling.Whole("batch", 1, 1, ServiceManifest.MostReplicas))
        : null;

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
        foreach (var fault in match.Faults($"strategy.ab.{key}"))
            ab.Fault(key, fault);
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

    private static string? Synthetic(Section canary)
    {
        var path = canary.Text("synthetic");
        if (path is not null && !path.StartsWith('/'))
            canary.Fault("synthetic", $"'{path}' must be a path behind the service's route that begins with '/', such as /health");
        return path;
    }
}
