namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a rollback can return to. Pure.</summary>
internal static class RollbackTarget
{
    /// <returns>The document after the rollback; throws with the list of what there is when the target is gone.</returns>
    public static ServiceDocument Find(string service, ServiceDocument? before, string? version, IReadOnlyList<OwnContainer> containers)
    {
        if (before?.Active is null)
            throw Wrong($"{service} has never been promoted, so there is nothing to return to");
        var after = before.Rollback(version);
        if (after?.Active is not { } target)
        {
            throw Wrong(version is null
                ? $"{service} has no release before {before.Active.Version}, so there is nothing to return to"
                : $"{service} has no retired release '{version}'. {Available(before, containers)}");
        }

        return containers.Any(container => container.Deployment == target.Deployment)
            ? after
            : throw Wrong($"the containers of {service} {target.Version} are gone. {Available(before, containers)}");
    }

    private static string Available(ServiceDocument before, IReadOnlyList<OwnContainer> containers)
    {
        var kept = before.Retired
            .Where(release => containers.Any(container => container.Deployment == release.Deployment))
            .Select(release => $"{release.Version} (deployment {CandidateSpec.Short(release.Deployment)})")
            .ToArray();
        return kept.Length == 0
            ? "No retired release has containers left: deploy the version again instead."
            : $"There is: {string.Join(", ", kept)}.";
    }

    private static DeliveryException Wrong(string sentence) => new(ExitCode.WrongInput, sentence);
}
