namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a rollback can return to. Pure.</summary>
internal static class RollbackTarget
{
    /// <param name="service">The service's name.</param>
    /// <param name="before">Its document.</param>
    /// <param name="to">A version, or the unique beginning of a deployment id; <c>null</c> for the release before.</param>
    /// <param name="containers">The service's containers.</param>
    /// <returns>The document after the rollback; throws with the list of what there is when the target is gone.</returns>
    public static ServiceDocument Find(string service, ServiceDocument? before, string? to, IReadOnlyList<OwnContainer> containers)
    {
        if (before?.Active is null)
            throw Wrong($"{service} has never been promoted, so there is nothing to return to: deploy it first, or look at 'deployer status'");
        if (Meant(service, before, to, containers) is not [var newest, ..] meant)
        {
            throw Wrong(to is null
                ? $"{service} has no release before {before.Active.Version}, so there is nothing to return to: 'deployer history {service}' has what was deployed"
                : $"{service} has no retired release of the version '{to}', and none whose deployment id begins so. {Available(before, containers)}");
        }

        var target = meant.FirstOrDefault(release => IsKept(release, containers))
            ?? throw Wrong($"the containers of {service} {Named(newest)} are gone. {Available(before, containers)}");
        return before.Rollback(target.Deployment)!;
    }

    /// <summary>By how much a release has fewer containers than serve now, which must keep nobody from it: they may serve badly. <c>null</c> where it has as many.</summary>
    public static string? Shortfall(ServiceDocument before, Release target, int kept, IReadOnlyList<OwnContainer> containers)
    {
        var serving = containers.Count(container => container.Running && container.Deployment == before.Active?.Deployment);
        return kept >= serving
            ? null
            : $"{before.Service} {Named(target)} has {kept} container{(kept == 1 ? "" : "s")}, and {serving} of {before.Active?.Version} serve now: 'deployer scale {before.Service} {serving}' brings the others";
    }

    // A version may have been deployed more than once; the newest of them whose containers are still there is as good as any.
    private static Release[] Meant(string service, ServiceDocument before, string? to, IReadOnlyList<OwnContainer> containers)
    {
        if (to is null)
            return [.. before.Retired.Take(1)];
        Release[] ofVersion = [.. before.Retired.Where(release => release.Version == to)];
        if (ofVersion.Length > 0)
            return ofVersion;
        Release[] byId = [.. before.Retired.Where(release => to.Length > 0 && release.Deployment.StartsWith(to, StringComparison.Ordinal))];
        return byId.Length < 2
            ? byId
            : throw Wrong($"'{to}' is the beginning of {byId.Length} deployments of {service}: give more of it. {Available(before, containers)}");
    }

    private static bool IsKept(Release release, IReadOnlyList<OwnContainer> containers) =>
        containers.Any(container => container.Deployment == release.Deployment);

    private static string Named(Release release) => $"{release.Version} (deployment {CandidateSpec.Short(release.Deployment)})";

    private static string Available(ServiceDocument before, IReadOnlyList<OwnContainer> containers)
    {
        var kept = before.Retired
            .Where(release => IsKept(release, containers))
            .Select(Named)
            .ToArray();
        return kept.Length == 0
            ? "No retired release has containers left: deploy the version again instead."
            : $"There is: {string.Join(", ", kept)}.";
    }

    private static DeliveryException Wrong(string sentence) => new(ExitCode.WrongInput, sentence);
}
