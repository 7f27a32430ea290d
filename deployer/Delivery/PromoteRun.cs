using Docker.DotNet;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>Makes a candidate active that runs already, such as a container that was started by hand. No tests are asked.</summary>
internal sealed class PromoteRun(Mesh mesh, ContainerHost host, Narrator narrator)
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
            if (routes.Count > 0 && RouteClaims.Conflict(service, routes, await mesh.Store.ListAsync(attempt.Token)) is { } conflict)
                throw new DeliveryException(ExitCode.WrongInput, conflict);
            var chosen = CandidateChoice.Find(
                service, prefix, attempt.Before.Document, await mesh.Catalog.WithContainersAsync(service, attempt.Token));
            attempt.Release = await IdentifyAsync(chosen[0].Instance, chosen[0].Container, attempt.Token);
            await HealthyAsync(attempt, [.. chosen.Select(entry => entry.Container)], deadline);
            after = before.Promote(attempt.Release, routes.Count > 0 ? routes : null);
            index = await Promotion.CommitAsync(attempt, after, narrator);
        }
        catch (Exception error)
        {
            if (await attempt.FailAsync(error) is { } fault)
                throw fault;
            throw;
        }

        await Promotion.FollowUpAsync(attempt, after, index, new Takeover(mesh, host, narrator), drain, keep: null, narrator);
        return new Delivered(service, attempt.Release, attempt.Before.Document?.Active, index, Tests: null);
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

    private async Task HealthyAsync(Attempt attempt, IReadOnlyList<string> containers, TimeSpan deadline) =>
        await narrator.PhaseAsync("healthy", async () =>
        {
            var since = await host.ClockAsync(attempt.Token);
            var target = new ReadinessTarget(attempt.Service, attempt.Release!, containers, TimeSpan.Zero, deadline, since);
            var instances = await new Readiness(mesh.Catalog, host, mesh.Settings.Environment, mesh.Time).WaitAsync(target, attempt.Token);
            return (instances, $"{string.Join(", ", instances.Select(instance => instance.Url))} passing");
        });

    private async Task<Release> IdentifyAsync(Instance instance, string id, CancellationToken ct)
    {
        if (id.Length == 0)
        {
            throw new DeliveryException(
                ExitCode.WrongInput, $"instance {instance.Id} was registered by somebody else than a registry-sidecar; only a container can be promoted");
        }

        try
        {
            var container = await host.InspectAsync(id, ct);
            ImageReference.TryParse(container.Config?.Image ?? "", out var image);
            var version = instance.Version.Length > 0 ? instance.Version : image?.Tag ?? CandidateSpec.Short(id);
            return new Release(instance.Deployment, version, await host.Images.ByDigestAsync(container.Image, ct), new DateTimeOffset(container.Created.ToUniversalTime()));
        }
        catch (DockerContainerNotFoundException)
        {
            throw new DeliveryException(
                ExitCode.WrongInput,
                $"container {CandidateSpec.Short(id)} of instance {instance.Id} is not on this Docker host; name its host with --docker or DOCKER_HOST");
        }
    }
}
