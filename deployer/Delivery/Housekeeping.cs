namespace ServiceMesh.Deployer.Delivery;

/// <summary>Which containers go: decisions only, made while the service's lock is held, so that nobody else is deploying.</summary>
internal static class Housekeeping
{
    /// <summary>What an earlier attempt left behind that was neither finished nor undone, and tests that nobody waits for any more, whatever became of their release.</summary>
    public static IReadOnlyList<OwnContainer> Leftovers(ServiceDocument? document, IEnumerable<OwnContainer> containers) =>
        [.. containers.Where(container => !container.ByHand && (container.IsTests || IsCandidate(document, container.Deployment)))];

    /// <summary>
    /// Those of them that may serve although no document names them, by another Consul than this one: they run, and of their deployment
    /// this one's sidecars have registered nothing.
    /// </summary>
    public static IReadOnlyList<OwnContainer> Unknown(IEnumerable<OwnContainer> leftovers, IEnumerable<Instance> registered)
    {
        var known = registered.Select(instance => instance.Deployment).ToHashSet(StringComparer.Ordinal);
        return [.. leftovers.Where(container => container is { Running: true, IsRestarting: false, IsTests: false } && !known.Contains(container.Deployment))];
    }

    /// <summary>The first of the proxies that serve a service by their last good state: of one that never had a document none knows anything. <c>null</c> for none.</summary>
    public static Instance? Serving(IReadOnlyDictionary<Instance, ProxyAnswer?> answers) =>
        answers.Where(pair => pair.Value is not null && pair.Value != ProxyAnswer.NoService).Select(pair => pair.Key).MinBy(proxy => proxy.Id, StringComparer.Ordinal);

    /// <summary>
    /// Those of the deployments that a proxy still has in the traffic, with the first proxy that does: the document that names none of them is
    /// older than what it serves by, for Consul was restored from a snapshot, or one that it does not follow yet.
    /// </summary>
    public static IReadOnlyList<(string Deployment, Instance Proxy)> Served(IEnumerable<string> deployments, IReadOnlyDictionary<Instance, ProxyAnswer?> answers) =>
    [
        .. deployments.Distinct(StringComparer.Ordinal).SelectMany(
            deployment => answers.Where(pair => pair.Value?.Has(deployment) is true).Select(pair => pair.Key).OrderBy(proxy => proxy.Id, StringComparer.Ordinal).Take(1),
            (deployment, proxy) => (deployment, proxy)),
    ];

    /// <summary>The healthy ones of the proxies that do not say whether they serve a service.</summary>
    public static IEnumerable<Instance> Silent(IReadOnlyDictionary<Instance, ProxyAnswer?> answers) =>
        answers.Where(pair => pair.Value is null && pair.Key.IsHealthy).Select(pair => pair.Key);

    /// <summary>Those of the deployments that may have requests in flight: a change that was committed has brought them into the traffic, or a proxy tells so, whatever a history that was restored has.</summary>
    public static IReadOnlySet<string> HadTraffic(IEnumerable<string> deployments, IEnumerable<HistoryEntry> history, IReadOnlyDictionary<Instance, ProxyAnswer?> answers) => deployments
        .Intersect(
            history.Where(entry => entry.Outcome is Outcome.Promoted or Outcome.Changed or Outcome.Reverted).Select(entry => entry.Release.Deployment)
                .Concat(answers.Values.SelectMany(answer => answer?.Instances ?? []).Where(instance => instance.InFlight > 0).Select(instance => instance.Deployment)),
            StringComparer.Ordinal)
        .ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// What becomes of the retired releases: the most recent that still have containers stay for a rollback, some of them
    /// running, the others stopped; the rest is removed.
    /// </summary>
    public static Retirement Retire(ServiceDocument document, IReadOnlyList<OwnContainer> containers, Retention retention)
    {
        var releases = document.Retired
            .Select(release => containers.Where(container => container.Deployment == release.Deployment).ToArray())
            .Where(owned => owned.Length > 0)
            .ToArray();
        // What was never started is nothing to return to, whichever release's replica it was to be.
        var beyond = releases.Skip(retention.Keep).SelectMany(owned => owned)
            .Union(releases.SelectMany(owned => owned).Where(container => container.IsUnused))
            .Where(container => !container.ByHand)
            .ToArray();
        return new Retirement(
            [.. releases.Skip(retention.Warm).SelectMany(owned => owned).Where(container => container.Running && !beyond.Contains(container))],
            beyond);
    }

    private static bool IsCandidate(ServiceDocument? document, string deployment) =>
        document is null || document.StageOf(deployment) == Stage.Candidate;
}

/// <summary>What stays of retired releases for a rollback.</summary>
/// <param name="Keep">How many of them keep their containers.</param>
/// <param name="Warm">How many of those keep running, so that a rollback need not wait for a start.</param>
internal sealed record Retention(int Keep, int Warm)
{
    /// <summary>Whatever there is stays, stopped.</summary>
    public static Retention All { get; } = new(int.MaxValue, 0);
}

/// <summary>The containers that are stopped and kept, and those that are removed.</summary>
internal sealed record Retirement(IReadOnlyList<OwnContainer> Stop, IReadOnlyList<OwnContainer> Remove)
{
    /// <summary>The same without the containers of deployments that a proxy serves all the same.</summary>
    public Retirement Without(IReadOnlySet<string> served) =>
        new([.. Stop.Where(container => !served.Contains(container.Deployment))], [.. Remove.Where(container => !served.Contains(container.Deployment))]);
}
