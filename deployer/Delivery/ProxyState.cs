namespace ServiceMesh.Deployer.Delivery;

/// <summary>What the proxies' answers mean together. Pure.</summary>
internal static class ProxyState
{
    /// <summary>
    /// A sentence for each proxy that does not serve by the document at <paramref name="index"/> or a later one. One that
    /// is silent and that Consul calls unhealthy serves nobody: it is not waited for. Where all are silent nobody knows that: they
    /// may only be out of reach, and serve on by what they know.
    /// </summary>
    public static IReadOnlyList<string> Behind(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index) =>
    [
        .. answers.Where(pair => pair.Value is null ? pair.Key.IsHealthy || answers.Values.All(answer => answer is null) : pair.Value.Index < index).Select(pair => pair.Value switch
        {
            null => $"proxy {pair.Key.Id} at {pair.Key.Url} does not answer",
            { Fault: { } fault } => $"proxy {pair.Key.Id} at {pair.Key.Url} set the document aside: {fault}",
            { Index: var applied } => $"proxy {pair.Key.Id} at {pair.Key.Url} is still at index {applied} instead of {index}",
        }),
    ];

    /// <summary>A sentence for each proxy that serves, as far as anybody knows, and does not say what.</summary>
    public static IReadOnlyList<string> Silent(IReadOnlyDictionary<Instance, ProxyAnswer?> answers) => Behind(answers, index: 0);

    /// <summary>How many follow, and how many do not even answer.</summary>
    public static string Following(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index)
    {
        var silent = answers.Values.Count(answer => answer is null);
        return $"{answers.Values.Count(answer => answer?.Index >= index)} of {answers.Count} follow index {index}{(silent == 0 ? "" : $", {silent} silent")}";
    }

    /// <summary>A sentence for each proxy that serves by that document, but not all of it: a route may be another service's.</summary>
    public static IReadOnlyList<string> Faults(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index) =>
    [
        .. answers.Where(pair => pair.Value is { Fault: not null } answer && answer.Index >= index)
            .Select(pair => $"proxy {pair.Key.Id} at {pair.Key.Url} follows, but: {pair.Value!.Fault}"),
    ];

    /// <summary>
    /// The proxies that may have requests in flight: those that are registered, and those that served before and are registered no more. One that
    /// served counts as healthy although Consul calls it ill, so that its silence is waited for: it may have been told to end, and then it has no door
    /// any more and finishes what it has. Whoever is registered at the address of one that is gone began after that, or tells of both.
    /// </summary>
    public static IReadOnlyList<Instance> WithGone(IReadOnlyList<Instance> registered, IReadOnlyCollection<Instance> served)
    {
        var urls = served.Select(proxy => proxy.Url).ToHashSet(StringComparer.Ordinal);
        var gone = served.ExceptBy(registered.Select(proxy => proxy.Url), proxy => proxy.Url, StringComparer.Ordinal);
        return [.. registered.Concat(gone).Select(proxy => urls.Contains(proxy.Url) ? proxy with { Health = "passing" } : proxy)];
    }

    /// <summary>
    /// Whether it is certain that nothing is in flight on these deployments or instances: some proxy tells so, and none that may have
    /// requests in flight is silent or was started so late that it does not know of the promotion, or sends requests there still: its
    /// index alone proves nothing, for where Consul was restored they may begin anew.
    /// </summary>
    public static bool IsDrained(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index, IReadOnlySet<string> left) =>
        answers.Count > 0 && Behind(answers, index).Count == 0 && InFlight(answers, left) == 0 && !IsServed(answers, left);

    /// <summary>How the drain ended.</summary>
    public static string Drained(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index, IReadOnlySet<string> left, TimeSpan drain)
    {
        if (IsDrained(answers, index, left))
            return "nothing in flight any more";
        var had = DurationText.Write(drain);
        if (InFlight(answers, left) is > 0 and var requests)
            return $"{requests} still in flight after {had}";
        if (IsServed(answers, left))
            return $"a proxy still sends requests there after {had}";
        return answers.Count == 0
            ? $"there is no proxy that could be asked what is in flight, so it had {had}"
            : $"{Behind(answers, index).Count} of {answers.Count} proxies did not say what is in flight, so it had {had}";
    }

    /// <summary>The requests that are in flight on these deployments or instances, over all proxies that answer.</summary>
    public static int InFlight(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, IReadOnlySet<string> left) =>
        answers.Values.Sum(answer => answer?.InFlight(left) ?? 0);

    private static bool IsServed(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, IReadOnlySet<string> left) =>
        answers.Values.Any(answer => answer is not null && left.Any(answer.Has));
}
