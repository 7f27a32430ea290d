using Docker.DotNet;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Back to a release that was active before; its tests are not asked again.</summary>
internal sealed class RollbackRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(string service, string? version, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "rollback", $"rollback to {version ?? "the release before"}", ct);
        var before = attempt.Before.Document;
        List<OwnContainer> started = [];
        ServiceDocument after;
        ulong index;
        try
        {
            var containers = await hosts.ListAsync(service, before, attempt.Token);
            after = RollbackTarget.Find(service, before, version, containers);
            attempt.Release = after.Active!;
            var own = containers.Where(container => container.Deployment == attempt.Release.Deployment).ToArray();
            await StartAsync(own, started, attempt, service, deadline);
            index = await Promotion.CommitAsync(attempt, after, narrator);
        }
        catch (Exception error)
        {
            if (!attempt.OutcomeUnknown)
                await StopAgainAsync(started);
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, hosts, narrator), drain, keep: null, narrator);
        return new Delivered(service, attempt.Release, before?.Active, index, Tests: null);
    }

    private async Task StartAsync(
        IReadOnlyList<OwnContainer> own, List<OwnContainer> started, Attempt attempt, string service, TimeSpan deadline)
    {
        var shares = await hosts.LocateAsync([.. own.Select(container => container.Id)], attempt.Token);
        await narrator.PhaseAsync("start", async () =>
        {
            started.AddRange(own.Where(container => !container.Running));
            await StartAllAsync(started, attempt);
            return (started, started.Count == 0 ? "its containers still run" : $"started {string.Join(", ", started.Select(container => container.Name))} again");
        });
        await narrator.PhaseAsync("healthy", async () =>
        {
            // It has served before, so it need not prove itself for a time again.
            var target = new ReadinessTarget(service, attempt.Release!, shares, TimeSpan.Zero, deadline);
            var instances = await new Readiness(mesh.Catalog, mesh.Settings.Environment, mesh.Time).WaitAsync(target, attempt.Token);
            return (instances, $"{string.Join(", ", instances.Select(instance => instance.Url))} passing");
        });
    }

    private async Task StartAllAsync(IEnumerable<OwnContainer> stopped, Attempt attempt)
    {
        try
        {
            await Task.WhenAll(stopped.Select(container => hosts.StartAsync(container, attempt.Token)));
        }
        catch (DockerApiException error)
        {
            throw Faults.CannotStart($"{attempt.Service} {attempt.Release!.Version}", error);
        }
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
