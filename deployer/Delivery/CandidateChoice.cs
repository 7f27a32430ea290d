namespace ServiceMesh.Deployer.Delivery;

/// <summary>Which candidate a person means by the beginning of an id. Pure.</summary>
internal static class CandidateChoice
{
    /// <returns>The instances of the one deployment that is meant; throws with the list of what there is otherwise.</returns>
    public static IReadOnlyList<(Instance Instance, string Container)> Find(
        string service, string prefix, ServiceDocument? document, IReadOnlyList<(Instance Instance, string Container)> known)
    {
        var meant = known
            .Where(entry => BeginsWith(entry, prefix))
            .Select(entry => entry.Instance.Deployment)
            .Distinct()
            .ToArray();
        if (meant is not [var deployment])
        {
            var found = meant.Length == 0 ? $"nothing of {service} begins with '{prefix}'" : $"'{prefix}' is the beginning of {meant.Length} deployments";
            throw Wrong($"{found}. {Candidates(service, document, known)}");
        }

        return StageOf(document, deployment) switch
        {
            Stage.Active => throw Wrong($"deployment {CandidateSpec.Short(deployment)} of {service} is active already. {Candidates(service, document, known)}"),
            Stage.Retired => throw Wrong($"deployment {CandidateSpec.Short(deployment)} of {service} was active before: use 'deployer rollback {service}'"),
            _ => [.. known.Where(entry => entry.Instance.Deployment == deployment)],
        };
    }

    /// <summary>Whether the split's release is meant, of which there is no instance any more: its share may change nevertheless.</summary>
    public static bool IsGoneOfSplit(string prefix, ServiceDocument document, IEnumerable<(Instance Instance, string Container)> known) =>
        document.Split is { Release.Deployment: var deployment } && StartsWith(deployment, prefix) && !known.Any(entry => BeginsWith(entry, prefix));

    /// <summary>
    /// Why a split's release cannot take over: a rolling delivery that was killed has brought a part of it only. A scale that was interrupted
    /// leaves the same behind beside a split, so it is told of as well.
    /// </summary>
    public static string? Unfinished(
        ServiceDocument document, Release release, IReadOnlyList<OwnContainer> containers, IEnumerable<(Instance Instance, string Container)> known)
    {
        if (document is not { Active: { } active, Leaving: { } leaving } || document.Split?.Release.Deployment != release.Deployment)
            return null;
        var taken = known.Where(entry => leaving.Contains(entry.Instance.Id)).Select(entry => entry.Container).ToHashSet(StringComparer.Ordinal);
        var replaced = containers.Where(container => container.Deployment == active.Deployment).ToArray();
        // What a scale took out of the traffic is gone, and only its instances' ids are left.
        var isOver = replaced.All(container => container.Running && !taken.Contains(container.Id));
        var (runs, replaces) = (containers.Count(container => container.Running && container.Deployment == release.Deployment), replaced.Length);
        return isOver || runs >= replaces
            ? null
            : $"{document.Service} {release.Version} has {runs} of the {replaces} replicas of {active.Version}, for its rolling delivery, or a scale of {active.Version}, was not finished: "
                + $"run 'deployer deploy' again, which replaces both, or 'deployer abort {document.Service}', which returns to {active.Version}; if it was a scale, 'deployer scale {document.Service} <n>' finishes it";
    }

    // Whoever has a share is not the active release yet.
    private static Stage StageOf(ServiceDocument? document, string deployment) =>
        document is null || document.Split?.Release.Deployment == deployment ? Stage.Candidate : document.StageOf(deployment);

    private static bool BeginsWith((Instance Instance, string Container) entry, string prefix) =>
        StartsWith(entry.Instance.Id, prefix) || StartsWith(entry.Instance.Deployment, prefix) || StartsWith(entry.Container, prefix);

    private static bool StartsWith(string id, string prefix) => prefix.Length > 0 && id.StartsWith(prefix, StringComparison.Ordinal);

    private static string Candidates(string service, ServiceDocument? document, IEnumerable<(Instance Instance, string Container)> known)
    {
        var candidates = known
            .Where(entry => StageOf(document, entry.Instance.Deployment) == Stage.Candidate)
            .Select(entry => $"{entry.Instance.Id} (deployment {CandidateSpec.Short(entry.Instance.Deployment)}, {entry.Instance.Health})")
            .ToArray();
        return candidates.Length == 0 ? $"There is no candidate: deploy one, or look at 'deployer status {service}'." : $"The candidates are: {string.Join(", ", candidates)}.";
    }

    private static DeliveryException Wrong(string sentence) => new(ExitCode.WrongInput, sentence);
}
