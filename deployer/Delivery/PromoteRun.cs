using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Makes a candidate active that runs already, such as a container that was started by hand. No tests are asked.</summary>
internal sealed class PromoteRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(
        string service, string prefix, IReadOnlyList<Route> routes, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "promote", $"promotion of {prefix}", ct);
        ServiceDocument after;
        ulong index;
        try
        {
            var before = Document(service, routes, attempt.Before.Document);
            var known = await mesh.Catalog.WithContainersAsync(service, attempt.Token);
            var chosen = CandidateChoice.Find(service, prefix, attempt.Before.Document, known);
            var shares = await CandidateIdentity.LocateAsync(chosen, hosts, attempt.Token);
            attempt.Release = await CandidateIdentity.OfAsync(attempt.Before.Document, chosen, shares, attempt.Token);
            var containers = await hosts.ListAsync(service, before, attempt.Token);
            if (CandidateChoice.Unfinished(before, attempt.Release, containers, known) is { } unfinished)
                throw new DeliveryException(ExitCode.WrongInput, unfinished);
            if (RollbackTarget.Shortfall(before, attempt.Release, shares.Sum(share => share.Containers.Count), containers) is { } fewer)
                narrator.Warn(fewer);
            after = before.Promote(attempt.Release, routes.Count > 0 ? routes : null);
            // New routes, be they said now or brought along by a split.
            var look = RouteClaims.LookAtNew(mesh, attempt, after);
            if (look is not null)
                await look();
            await HealthyAsync(attempt, shares, deadline);
            (after, index) = await Promotion.CommitAsync(attempt, after, narrator, look);
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, hosts, narrator), drain, Retention.All, narrator);
        return new Delivered(service, attempt.Release, attempt.Before.Document?.Active, after, index, Tests: []);
    }

    private static ServiceDocument Document(string service, IReadOnlyList<Route> routes, ServiceDocument? before)
    {
        if (before is null && routes.Count == 0)
        {
            throw new DeliveryException(
                ExitCode.WrongInput, $"{service} has no route yet: say which way leads to it, such as --route /{service} (and --strip to take it off)");
        }

        return before ?? ServiceDocument.Create(service, routes);
    }

    private async Task HealthyAsync(Attempt attempt, IReadOnlyList<HostShare> shares, TimeSpan deadline) =>
        await narrator.PhaseAsync("healthy", async () =>
        {
            var target = new ReadinessTarget(attempt.Service, attempt.Release!, shares, HealthyFor: TimeSpan.Zero, deadline);
            var instances = await new Readiness(mesh.Catalog, mesh.Settings.Environment, mesh.Time).WaitAgainAsync(target, narrator.Warn, attempt.Token);
            return (instances, $"{string.Join(", ", instances.Select(instance => instance.Url))} passing");
        });
}
