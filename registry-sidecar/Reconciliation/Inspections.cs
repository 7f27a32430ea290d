using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What Docker is asked of its containers. A container that is about to start is asked for ahead: Docker answers an
/// inspection only when the start is over, so the answer is there together with the start's event, and the way to Docker and
/// back is saved. And a container for which Docker has no answer, as one whose removal got stuck, keeps no other waiting.
/// </summary>
internal sealed class Inspections(TimeProvider time)
{
    /// <summary>Docker answers within a millisecond, but for a container that it is busy with.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>More are not asked for ahead; they are asked for at their start.</summary>
    private const int AheadAtATime = 64;

    private readonly Dictionary<string, (IDockerClient Docker, Task<ContainerFacts?> Answer)> ahead = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly Dictionary<string, (IDockerClient Docker, Task Answer)> silent = new(StringComparer.Ordinal);
    private (IDockerClient Docker, Task<IList<ContainerListResponse>> Answer, TimeSpan Asked)? list;

    /// <summary>Asks for a container that is about to start, and does not wait.</summary>
    public void AskAhead(IDockerClient docker, string id, CancellationToken ct)
    {
        if (ahead.Count < AheadAtATime || ahead.ContainsKey(id))
            ahead[id] = ahead.TryGetValue(id, out var asked) && asked.Docker == docker && !asked.Answer.IsCompleted ? asked : (docker, AheadAsync(docker, id, ct));
    }

    /// <summary>What was asked ahead may no longer be so.</summary>
    public void Forget(string id) => ahead.Remove(id);

    /// <summary>What was asked ahead of any container may no longer be so.</summary>
    public void ForgetAll() => ahead.Clear();

    /// <summary>Asks for a container, or takes the answer that was asked for ahead, if that shows it started since it was last seen.</summary>
    /// <returns>The container; <c>null</c> if Docker does not have it.</returns>
    /// <exception cref="TimeoutException">Docker has no answer yet.</exception>
    public async Task<ContainerFacts?> AskAsync(IDockerClient docker, string id, DateTimeOffset lastStart, CancellationToken ct)
    {
        (IDockerClient Docker, Task<ContainerFacts?> Answer) early;
        lock (gate)
        {
            ahead.Remove(id, out early);
            // What hangs on a connection that was given up says nothing about the new one.
            if (silent.TryGetValue(id, out var waiting) && waiting.Docker == docker && !waiting.Answer.IsCompleted)
                throw new TimeoutException();
            silent.Remove(id);
        }

        if (early.Docker == docker && await WithinAsync(docker, id, early.Answer, ct) is { IsRunning: true } container && container.StartedAt > lastStart)
            return container;
        return await WithinAsync(docker, id, InspectAsync(docker, id, ct), ct);
    }

    /// <summary>Asks for the list of those that run. An answer that comes late is taken by the next call.</summary>
    /// <returns>Those that ran, and when Docker was asked.</returns>
    /// <exception cref="TimeoutException">Docker has no answer yet.</exception>
    public async Task<(IList<ContainerListResponse> Containers, TimeSpan Asked)> ListAsync(IDockerClient docker, CancellationToken ct)
    {
        // What another connection was asked is of another time.
        if (list is not { } asked || asked.Docker != docker)
            list = asked = (docker, docker.Containers.ListContainersAsync(new ContainersListParameters(), ct), time.Steady());
        else if (!asked.Answer.IsCompleted)
            throw new TimeoutException();
        try
        {
            return (await asked.Answer.WaitAsync(Patience, time, ct), asked.Asked);
        }
        finally
        {
            if (asked.Answer.IsCompleted)
                list = null;
        }
    }

    private async Task<ContainerFacts?> WithinAsync(IDockerClient docker, string id, Task<ContainerFacts?> answer, CancellationToken ct)
    {
        try
        {
            return await answer.WaitAsync(Patience, time, ct);
        }
        catch (TimeoutException) when (!answer.IsCompleted)
        {
            // It goes on; until it has come to its end nobody waits for this container again.
            lock (gate)
                silent[id] = (docker, answer);
            throw;
        }
    }

    // Whatever fails here is found out again, and told, when the container has started.
    private static async Task<ContainerFacts?> AheadAsync(IDockerClient docker, string id, CancellationToken ct)
    {
        try
        {
            return await InspectAsync(docker, id, ct);
        }
        catch (Exception)
        {
            return null;
        }
    }

    private static async Task<ContainerFacts?> InspectAsync(IDockerClient docker, string id, CancellationToken ct)
    {
        try
        {
            var answer = await docker.Containers.InspectContainerAsync(id, ct);
            // Where there is no such id, Docker takes it as a name.
            return answer.ID == id ? ContainerFactsReader.Read(answer) : null;
        }
        catch (DockerContainerNotFoundException)
        {
            return null;
        }
    }
}
