namespace ServiceMesh.Deployer.Delivery;

/// <summary>Which containers go: decisions only, made while the service's lock is held, so that nobody else is deploying.</summary>
internal static class Housekeeping
{
    /// <summary>What an earlier attempt left behind that was neither finished nor undone.</summary>
    public static IReadOnlyList<OwnContainer> Leftovers(ServiceDocument? document, IEnumerable<OwnContainer> containers) =>
        [.. containers.Where(container => !container.ByHand && IsCandidate(document, container.Deployment))];

    /// <summary>
    /// What becomes of the retired releases: the most recent <paramref name="keep"/> that still have containers are
    /// stopped and stay for a rollback, the others are removed.
    /// </summary>
    public static Retirement Retire(ServiceDocument document, IReadOnlyList<OwnContainer> containers, int keep)
    {
        var releases = document.Retired
            .Select(release => containers.Where(container => container.Deployment == release.Deployment).ToArray())
            .Where(owned => owned.Length > 0)
            .ToArray();
        var beyond = releases.Skip(keep).SelectMany(owned => owned).Where(container => !container.ByHand).ToArray();
        return new Retirement(
            [.. releases.SelectMany(owned => owned).Where(container => container.Running && !beyond.Contains(container))],
            beyond);
    }

    private static bool IsCandidate(ServiceDocument? document, string deployment) =>
        document is null || document.StageOf(deployment) == Stage.Candidate;
}

/// <summary>The containers that are stopped and kept, and those that are removed.</summary>
internal sealed record Retirement(IReadOnlyList<OwnContainer> Stop, IReadOnlyList<OwnContainer> Remove);
