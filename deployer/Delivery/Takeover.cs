using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// What follows a promotion: every proxy follows, the requests in flight end, the old containers go. Production has
/// changed already, so nothing here may fail the delivery: what cannot be done is said, and the next one does it.
/// </summary>
internal sealed class Takeover(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task CompleteAsync(Attempt attempt, ServiceDocument document, ulong index, TimeSpan drain, Retention retention)
    {
        try
        {
            if (!await ProxiesFollowAsync(document.Service, index, attempt.Token))
                return;
            HashSet<string> retired = [.. document.Retired.Select(release => release.Deployment), .. NoLongerSplit(attempt, document)];
            var served = await DrainAsync(document.Service, index, retired, drain, attempt.Token);
            await RetireAsync(attempt, document, index, retention, served);
            await new Candidates(mesh, hosts, narrator).CleanAsync(attempt, tests: null, drain, retired, served);
        }
        catch (Exception error) when (attempt.Explain(error) is { } fault)
        {
            narrator.Warn(fault.Code switch
            {
                _ when attempt.Token.IsCancellationRequested => $"{fault.Reason} after the promotion: {Promoted(document)}. {Remains(document)}",
                // By whoever has the lock now production may be on another already.
                ExitCode.Locked => $"{document.Service} {document.Active?.Version} was promoted, but: {fault.Reason}. {Remains(document)}",
                _ => $"{Promoted(document)}, but: {fault.Message} {Remains(document)}",
            });
        }
    }

    /// <summary>The same for what left the traffic without another release taking over: what is in flight on it ends.</summary>
    /// <param name="document">The document that took it out.</param>
    /// <param name="index">That document's index.</param>
    /// <param name="left">Ids of deployments or of instances.</param>
    /// <param name="drain">How long that may take.</param>
    /// <param name="ct">The person's interruption.</param>
    /// <returns>Whether its containers may go; not while a proxy may still send to them.</returns>
    public async Task<bool> LeaveAsync(ServiceDocument document, ulong index, IReadOnlySet<string> left, TimeSpan drain, CancellationToken ct)
    {
        if (!await ProxiesFollowAsync(document.Service, index, ct))
            return false;
        return (await DrainAsync(document.Service, index, left, drain, ct)).Count == 0;
    }

    private async Task<bool> ProxiesFollowAsync(string service, ulong index, CancellationToken ct)
    {
        var behind = await new ProxiesFollow(mesh, narrator).WaitAsync(service, index, ct);
        foreach (var reason in behind)
            narrator.Warn(reason);
        if (behind.Count > 0)
            narrator.Warn("the release that left the traffic is kept running for the proxies that still use it; the next deploy ends it");
        return behind.Count == 0;
    }

    /// <returns>The deployments that a proxy sends requests to all the same: it is warned of.</returns>
    private async Task<IReadOnlySet<string>> DrainAsync(string service, ulong index, IReadOnlySet<string> left, TimeSpan drain, CancellationToken ct)
    {
        if (left.Count == 0)
            return left;
        var answers = await narrator.PhaseAsync("drain", async () =>
        {
            var last = await mesh.Proxies.DrainAsync(service, index, left, drain, ct);
            return (last, ProxyState.Drained(last, index, left, drain));
        });
        var served = Housekeeping.Served(left, answers);
        foreach (var (deployment, proxy) in served)
        {
            narrator.Warn($"proxy {proxy.Id} at {proxy.Url}, which serves by index {answers[proxy]!.Index}, still sends requests to deployment {CandidateSpec.Short(deployment)}, which left the traffic of {service} at index {index}: "
                + "it is kept running for that proxy; the next deploy ends it when the proxy follows");
        }

        return served.Select(one => one.Deployment).ToHashSet(StringComparer.Ordinal);
    }

    private async Task RetireAsync(Attempt attempt, ServiceDocument document, ulong index, Retention retention, IReadOnlySet<string> served)
    {
        var ct = attempt.Token;
        await narrator.PhaseAsync("retire", async () =>
        {
            var containers = await hosts.ListReachableAsync(document.Service, document, narrator, ct);
            var retirement = Housekeeping.Retire(document, containers, retention).Without(served);
            await attempt.FenceAsync(index, ct);
            await Task.WhenAll(retirement.Stop.Select(container => hosts.StopAsync(container, ct)));
            await Task.WhenAll(retirement.Remove.Select(container => hosts.RemoveAsync(container, ct)));
            return (retirement, Describe(retirement));
        });
    }

    // A split's release that lost to another one was never active alone: nothing of it stays.
    private static IEnumerable<string> NoLongerSplit(Attempt attempt, ServiceDocument document) =>
        attempt.Before.Document?.Split is { Release.Deployment: var deployment } && document.StageOf(deployment) == Stage.Candidate ? [deployment] : [];

    private static string Describe(Retirement retirement)
    {
        List<string> done = [];
        if (retirement.Stop.Count > 0)
            done.Add($"stopped {Names(retirement.Stop)} (kept for a rollback)");
        if (retirement.Remove.Count > 0)
            done.Add($"removed {Names(retirement.Remove)}");
        return done.Count == 0 ? "nothing to stop" : string.Join("; ", done);
    }

    private static string Names(IEnumerable<OwnContainer> containers) => string.Join(", ", containers.Select(container => container.Name));

    private static string Promoted(ServiceDocument document) => $"production is on {document.Service} {document.Active?.Version}";

    private static string Remains(ServiceDocument document) =>
        $"Containers of retired releases may still run: the next deploy of {document.Service} stops them.";
}
