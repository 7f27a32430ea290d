using System.Text.Json;
using Consul;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.Docker;
using ServiceMesh.RegistrySidecar.Reconciliation;
using ServiceMesh.RegistrySidecar.Registration;
using ServiceMesh.RegistrySidecar.Settings;
using ServiceMesh.Store;

namespace ServiceMesh.RegistrySidecar.DryRun;

/// <summary>What runs on a host, and what Consul knows of it, read once.</summary>
/// <param name="HostName">The Docker host's name.</param>
/// <param name="Containers">The running containers by name.</param>
/// <param name="Registry">What Consul tells; <c>null</c> if it does not answer.</param>
/// <param name="Silence">Why Consul told nothing.</param>
internal sealed record HostView(
    string HostName, IReadOnlyList<ContainerFacts> Containers, RegistryView? Registry, string? Silence)
{
    /// <summary>The running containers of which Docker tells nothing, as one whose removal got stuck.</summary>
    public IReadOnlyList<UnreadContainer> Unread { get; init; } = [];
}

/// <summary>A container of which Docker tells nothing, and why.</summary>
internal sealed record UnreadContainer(string Id, string Name, string Why);

/// <summary>What Consul knows.</summary>
internal sealed record RegistryView(
    string Address,
    System.Version? AgentVersion,
    IReadOnlyDictionary<string, AgentService> Services,
    IReadOnlyDictionary<string, AgentCheck> Checks,
    DocumentSet Documents);

/// <summary>Reads a <see cref="HostView"/>; it writes nothing, neither to Docker nor to Consul.</summary>
internal sealed class HostReader(SidecarOptions options, IConsulClient consul, MeshStore store, TimeProvider time)
{
    private const int Parallelism = 8;
    private static readonly TimeSpan DockersTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ContainersTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ConsulsTime = TimeSpan.FromSeconds(3);

    /// <exception cref="PreviewException">Docker does not answer, or for none of its containers.</exception>
    public async Task<HostView> ReadAsync(CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(DockersTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            using var docker = await DockerEngine.ConnectAsync(options.DockerHost, either.Token);
            var info = await docker.System.GetSystemInfoAsync(either.Token);
            var listed = await docker.Containers.ListContainersAsync(new ContainersListParameters(), either.Token);
            var (containers, unread) = await ContainersAsync(docker, listed, time, either.Token, ct);
            if (unread.Count > 0 && unread.Count == listed.Count)
                throw new PreviewException($"Docker tells nothing of any container that runs: {unread[0].Why}");
            var (registry, silence) = await RegistryAsync(ct);
            return new HostView(info.Name, containers, registry, silence) { Unread = unread };
        }
        catch (DockerUnreachableException error)
        {
            throw new PreviewException($"{error.Message}. Name it with --docker-host or DOCKER_HOST.", error);
        }
        catch (OperationCanceledException error) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new PreviewException($"Docker did not answer within {DockersTime.TotalSeconds:0} s.", error);
        }
        catch (Exception error) when (error is DockerApiException or HttpRequestException or IOException or JsonException)
        {
            throw new PreviewException($"Docker cannot be asked: {DockerFailure.Describe(error)}", error);
        }
    }

    /// <summary>Inspects the listed containers; one for which Docker has no answer keeps no other from its.</summary>
    /// <param name="docker">The Docker Engine.</param>
    /// <param name="listed">The containers.</param>
    /// <param name="time">The time.</param>
    /// <param name="patience">When it ends, what has not been read by then stays unread.</param>
    /// <param name="ct">Ends the reading.</param>
    internal static async Task<(IReadOnlyList<ContainerFacts> Running, IReadOnlyList<UnreadContainer> Unread)> ContainersAsync(
        IDockerClient docker, IList<ContainerListResponse> listed, TimeProvider time, CancellationToken patience, CancellationToken ct)
    {
        var facts = new ContainerFacts?[listed.Count];
        var unread = new UnreadContainer?[listed.Count];
        await Parallel.ForAsync(0, listed.Count, Limits(ct), async (index, _) =>
        {
            var id = listed[index].ID;
            try
            {
                facts[index] = ContainerFactsReader.Read(await docker.Containers.InspectContainerAsync(id, patience).WaitAsync(ContainersTime, time, patience));
            }
            catch (DockerContainerNotFoundException)
            {
                // It ended in between.
            }
            catch (Exception error) when (error is not (HttpRequestException or IOException) && !ct.IsCancellationRequested)
            {
                unread[index] = new UnreadContainer(id, listed[index].Names?.FirstOrDefault()?.TrimStart('/') ?? id, DockerFailure.Describe(error));
            }
        });
        return (
            [.. facts.OfType<ContainerFacts>().Where(container => container.IsRunning).OrderBy(container => container.Name, StringComparer.Ordinal)],
            [.. unread.OfType<UnreadContainer>().OrderBy(container => container.Name, StringComparer.Ordinal)]);
    }

    private async Task<(RegistryView? Registry, string? Silence)> RegistryAsync(CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(ConsulsTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            var agent = new AgentState(consul);
            await agent.ReadAsync(either.Token);
            return (new RegistryView(agent.Address, agent.Version, agent.Services, agent.Checks, await store.ListAsync(either.Token)), null);
        }
        catch (ConsulRequestException error)
        {
            return (null, error.Message);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return (null, $"no answer within {ConsulsTime.TotalSeconds:0} s");
        }
    }

    private static ParallelOptions Limits(CancellationToken ct) => new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct };
}

/// <summary>The dry run is not possible; the message says why.</summary>
internal sealed class PreviewException(string message, Exception? inner = null) : Exception(message, inner);
