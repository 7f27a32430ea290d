namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads how a release comes into the traffic, and how it is watched afterwards.</summary>
internal static class StrategyReader
{
    private static readonly string[] Keys = ["canary"];
    private static readonly string[] CanaryKeys = ["steps", "bake", "minimum", "error-share", "p99-ratio", "synthetic"];
    private static readonly string[] WatchKeys = ["for", "error-share", "minimum"];

    public static CanaryPolicy? Canary(Section root)
    {
        if (root.Child("strategy", Keys)?.Child("canary", CanaryKeys) is not { } canary)
            return null;
        var usual = new CanaryPolicy();
        var policy = usual with
        {
            Bake = canary.Duration("bake", usual.Bake, TimeSpan.FromSeconds(1)),
            Minimum = canary.Whole("minimum", usual.Minimum, 1, 1_000_000),
            ErrorShare = canary.Share("error-share") ?? usual.ErrorShare,
            P99Ratio = canary.Number("p99-ratio", usual.P99Ratio, 1, 100),
            Synthetic = Synthetic(canary),
            Steps = Steps(canary) ?? usual.Steps,
        };
        return policy;
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
