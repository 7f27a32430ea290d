using Docker.DotNet;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The containers of a release on its way into the traffic.</summary>
internal sealed class Candidates(Mesh mesh, ContainerHost host, Narrator narrator)
{
    /// <summary>Makes and starts one container a replica.</summary>
    public async Task<IReadOnlyList<string>> StartAsync(ServiceManifest manifest, Release release, CancellationToken ct)
    {
        var ids = new List<string>();
        try
        {
            for (var number = 1; number <= manifest.Replicas; number++)
            {
                ct.ThrowIfCancellationRequested();
                // Not cancelled: whatever Docker makes must be there when the candidates are removed.
                ids.Add(await host.CreateAsync(CandidateSpec.Of(manifest, release, number, mesh.Settings), CancellationToken.None));
            }

            await Task.WhenAll(ids.Select(id => host.StartAsync(id, ct)));
            return ids;
        }
        catch (DockerApiException error)
        {
            throw Faults.CannotStart($"{manifest.Name} {release.Version}", error);
        }
    }

    /// <summary>Removes whatever there is of a release that was not promoted. Bounded, and not interrupted by the interruption that caused it.</summary>
    public async Task RemoveAsync(string service, Release? release)
    {
        if (release is null)
            return;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30), mesh.Time);
        try
        {
            var containers = await host.ListAsync(service, document: null, deadline.Token);
            await Task.WhenAll(containers
                .Where(container => container.Deployment == release.Deployment)
                .Select(container => host.RemoveAsync(container.Id, deadline.Token)));
        }
        catch (Exception error) when (error is OperationCanceledException || Faults.Explain(error) is not null)
        {
            narrator.Warn($"the candidate's containers could not be removed ({error.Message}); the next deploy of {service} removes them");
        }
    }

    /// <summary>Removes what an earlier attempt left behind.</summary>
    public async Task CleanAsync(string service, ServiceDocument? document, CancellationToken ct)
    {
        var leftovers = Housekeeping.Leftovers(document, await host.ListAsync(service, document, ct));
        if (leftovers.Count == 0)
            return;
        await narrator.PhaseAsync("clean", async () =>
        {
            await Task.WhenAll(leftovers.Select(container => host.RemoveAsync(container.Id, ct)));
            return (leftovers, $"removed {string.Join(", ", leftovers.Select(container => container.Name))}, left behind by an earlier attempt");
        });
    }
}
