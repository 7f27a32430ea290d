using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Back to a release that was active before; its tests are not asked again.</summary>
internal sealed class RollbackRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(string service, string? to, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "rollback", $"rollback to {to ?? "the release before"}", ct);
        var before = attempt.Before.Document;
        List<OwnContainer> started = [];
        ServiceDocument after;
        ulong index;
        try
        {
            var containers = await hosts.ListAsync(service, before, attempt.Token);
            var target = RollbackTarget.Find(service, before, to, containers);
            attempt.Release = target.Active!;
            var own = containers.Where(container => container.Deployment == attempt.Release.Deployment).ToArray();
            if (RollbackTarget.Shortfall(before!, attempt.Release, own.Length, containers) is { } fewer)
                narrator.Warn(fewer);
            await new Restart(mesh, hosts, narrator).RunAsync(service, attempt.Release, own, started, deadline, attempt.Token);
            var (taken, claim) = (RouteClaims.New(target.Routes, before), (string?)null);
            (after, index) = await Promotion.CommitAsync(attempt, target, narrator, taken.Count == 0 ? null : async () =>
            {
                claim = RouteClaims.Claim(service, taken, await RouteClaims.DocumentsAsync(mesh, attempt.Token));
                // What it had is another's meanwhile, and that must not keep it from coming back.
                return claim is null ? target : before!.Promote(target.Active!, before.Routes);
            });
            // By the last look alone: what an earlier one found need not hold any more.
            if (claim is not null)
                narrator.Warn($"{claim}, so {attempt.Release.Version} comes back with the routes of today");
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error, _ => StopAgainAsync(attempt, started)) is { } fault)
                throw fault;
            throw;
        }

        // Whoever keeps a release warm to come back to wants to be able to go forward again as fast.
        var retention = started.Count == 0 ? Retention.All with { Warm = 1 } : Retention.All;
        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, hosts, narrator), drain, retention, narrator);
        return new Delivered(service, attempt.Release, before?.Active, after, index, Tests: []);
    }

    private async Task StopAgainAsync(Attempt attempt, List<OwnContainer> started)
    {
        if (started.Count == 0)
            return;
        using var limit = new OwnLimit(TimeSpan.FromSeconds(30), mesh.Time);
        try
        {
            // By another's rollback they may serve.
            await new Candidates(mesh, hosts, narrator).FenceAsync(attempt, limit.Token);
            await Task.WhenAll(started.Select(container => hosts.StopAsync(container, limit.Token)));
        }
        catch (Exception error) when (Faults.Explain(error) is not null)
        {
            narrator.Warn($"the containers that were started for the rollback are not stopped again ({limit.Reason(error)}): 'deployer status {attempt.Service}' tells whether they serve; where they do not, the next deploy stops them");
        }
    }
}
