using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Undoes what a deployment left unfinished. What is active stays so.</summary>
internal sealed class AbortRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(string service, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "abort", "abort", ct);
        var before = attempt.Before.Document;
        var containers = await hosts.ListAsync(service, before, attempt.Token);
        if (before is null && containers.Count == 0)
            throw new DeliveryException(ExitCode.WrongInput, $"nothing is known of '{service}': it has no document and no container here");

        var (index, what, mayRemove) = (attempt.Before.Index, "nothing was left unfinished", true);
        try
        {
            if (before?.Split is { } split)
            {
                attempt.Release = split.Release;
                var after = Reversion.ActiveAlone(before);
                if (before.Leaving is not null)
                    await new Restart(mesh, hosts, narrator).OfActiveAsync(after, deadline, attempt.Token);
                what = $"the split with {split.Release.Version} is over";
                index = await narrator.PhaseAsync("change", async () => (await attempt.ChangeAsync(after, what), what));
                mayRemove = await new Takeover(mesh, hosts, narrator).LeaveAsync(after, index, new HashSet<string> { split.Release.Deployment }, drain, attempt.Token);
            }

            var document = attempt.Current.Document;
            var leftovers = Housekeeping.Leftovers(document, containers);
            if (mayRemove && leftovers.Count > 0)
            {
                await new Candidates(mesh, hosts, narrator).CleanAsync(service, document, attempt.Token);
                what += $"; {leftovers.Count} container{(leftovers.Count == 1 ? "" : "s")} removed";
            }
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        var active = attempt.Current.Document?.Active;
        return new Delivered(service, active ?? new Release("", "-", "", default), Replaced: null, index, Tests: [])
        {
            What = $"is as it was ({(active is null ? "nothing is active" : $"{active.Version} is active")}): {what}",
        };
    }
}
