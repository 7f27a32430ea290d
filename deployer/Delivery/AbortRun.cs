using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Undoes what a deployment left unfinished. What is active stays so.</summary>
internal sealed class AbortRun(Mesh mesh, ContainerHosts hosts, Narrator narrator)
{
    public async Task<Delivered> RunAsync(string service, TimeSpan deadline, TimeSpan drain, CancellationToken ct)
    {
        await using var attempt = await Attempt.BeginAsync(mesh, narrator, service, "abort", "abort", ct);
        var before = attempt.Before.Document;
        var index = attempt.Before.Index;
        Cleaned cleaned;
        try
        {
            var containers = await hosts.ListAsync(service, before, attempt.Token, withTests: true);
            if (before is null && containers.Count == 0)
                throw new DeliveryException(ExitCode.WrongInput, $"nothing is known of '{service}': it has no document and no container here. 'deployer status' has the names that there are");
            if (before?.Split is { } split)
            {
                attempt.Release = split.Release;
                var after = Reversion.ActiveAlone(before);
                if (before.Leaving is not null)
                    await new Restart(mesh, hosts, narrator).TryOfActiveAsync(after, deadline, attempt.Token);
                var what = AbortSentence.IsOver(split.Release);
                index = await narrator.PhaseAsync("change", async () => (await attempt.ChangeAsync(after, what), what));
            }

            cleaned = await RemoveAsync(attempt, containers, index, drain);
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        return new Delivered(service, attempt.Release, Replaced: null, attempt.Current.Document, index, Tests: [])
        {
            What = AbortSentence.Of(attempt.Current.Document?.Active, before?.Split?.Release, cleaned),
        };
    }

    // What is undone by then stays so, whatever becomes of the containers.
    private async Task<Cleaned> RemoveAsync(Attempt attempt, IReadOnlyList<OwnContainer> containers, ulong index, TimeSpan drain)
    {
        HashSet<string> left = attempt.Before.Document?.Split is { } split ? [split.Release.Deployment] : [];
        var stay = Cleaned.Nothing with { Stayed = [.. containers.Where(container => container is { Running: true, IsTests: false } && left.Contains(container.Deployment))] };
        try
        {
            if (left.Count > 0 && !await new Takeover(mesh, hosts, narrator).LeaveAsync(attempt.Current.Document!, index, left, drain, attempt.Token))
                return stay;
            var cleaned = await new Candidates(mesh, hosts, narrator).CleanAsync(attempt, await TestsHostAsync(attempt.Token), drain, left);
            if (left.Count == 0 && cleaned.Removed.FirstOrDefault(container => !container.IsTests) is { } candidate)
            {
                attempt.Release = new Release(candidate.Deployment, candidate.Version, candidate.Image, candidate.CreatedAt);
                await attempt.RecordAsync(Outcome.Aborted, $"removed {string.Join(", ", cleaned.Removed.Select(container => container.Name))}, left behind by an earlier attempt");
            }

            return cleaned;
        }
        catch (Exception error) when (left.Count > 0 && attempt.Explain(error) is { } fault)
        {
            // By whoever has the lock now they may serve.
            var then = fault.Code == ExitCode.Locked ? $"'deployer status {attempt.Service}' tells whether they serve" : $"the next abort or deploy of {attempt.Service} removes them";
            narrator.Warn($"{fault.Reason}: the containers that are left stay as they are, and {then}");
            return stay;
        }
    }

    private async Task<ContainerHost?> TestsHostAsync(CancellationToken ct)
    {
        try
        {
            return await mesh.TestsHostAsync(ct);
        }
        catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is { } fault)
        {
            narrator.Warn($"tests that may be left on their host are not looked for: {fault.Message}");
            return null;
        }
    }
}
