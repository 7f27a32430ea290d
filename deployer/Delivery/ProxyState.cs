namespace ServiceMesh.Deployer.Delivery;

/// <summary>What the proxies' answers mean together. Pure.</summary>
internal static class ProxyState
{
    /// <summary>
    /// A sentence for each proxy that does not serve by the document at <paramref name="index"/> or a later one. One that
    /// is silent and that Consul calls unhealthy serves nobody: it is not waited for.
    /// </summary>
    public static IReadOnlyList<string> Behind(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, ulong index) =>
    [
        .. answers.Where(pair => pair.Value is null ? pair.Key.IsHealthy : pair.Value.Index < index).Select(pair => pair.Value switch
        {
            null => $"proxy {pair.Key.Id} at {pair.Key.Url} does not answer",
            { Fault: { } fault } => $"proxy {pair.Key.Id} at {pair.Key.Url} set the document aside: {fault}",
            { Index: var applied } => $"proxy {pair.Key.Id} at {pair.Key.Url} is still at index {applied} instead of {index}",
        }),
    ];

    /// <summary>The requests that are in flight on these deployments, over all proxies that answer.</summary>
    public static int InFlight(IReadOnlyDictionary<Instance, ProxyAnswer?> answers, IReadOnlySet<string> deployments) =>
        answers.Values.Sum(answer => answer?.InFlight(deployments) ?? 0);
}
