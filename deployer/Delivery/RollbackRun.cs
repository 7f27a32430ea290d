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
            after = RollbackTarget.Find(service, before, to, containers);
            attempt.Release = after.Active!;
            var own = containers.Where(container => container.Deployment == attempt.Release.Deployment).ToArray();
            if (RollbackTarget.Shortfall(before!, attempt.Release, own.Length, containers) is { } fewer)
                narrator.Warn(fewer);
            await new Restart(mesh, hosts, narrator).RunAsync(service, attempt.Release, own, started, deadline, attempt.Token);
            // What it had is another's meanwhile, and that must not keep it from coming back.
            if (!ReferenceEquals(after.Routes, before!.Routes) && RouteClaims.Claim(service, after.Routes, await RouteClaims.DocumentsAsync(mesh, attempt.Token)) is { } claim)
            {
                narrator.Warn($"{claim}, so {attempt.Release.Version} comes back with the routes of today");
                after = before.Promote(attempt.Release, before.Routes);
            }

            index = await Promotion.CommitAsync(attempt, after, narrator);
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error, _ => StopAgainAsync(started)) is { } fault)
                throw fault;
            throw;
        }

        // Whoever keeps a release warm to come back to wants to be able to go forward again as fast.
        var retention = started.Count == 0 ? Retention.All with { Warm = 1 } : Retention.All;
        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, hosts, narrator), drain, retention, narrator);
        return new Delivered(service, attempt.Release, before?.Active, index, Tests: []);
    }

    private async Task StopAgainAsync(IReadOnlyList<OwnContainer> started)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30), mesh.Time);
        try
        {
            await Task.WhenAll(started.Select(container => hosts.StopAsync(container, limit.Token)));
        }
        catch (Exception error) when (error is OperationCanceledException || Faults.Explain(error) is not null)
        {
            narrator.Warn($"the containers that were started for the rollback could not be stopped again ({error.Message}); they get no traffic");
        }
    }
}
