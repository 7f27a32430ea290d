using System.Collections.Concurrent;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What is known of the containers. Only those that something happened to are inspected again; the list of all, which is
/// cheap, shows what an event did not tell.
/// </summary>
internal sealed class ContainerCache(RetryLedger retries)
{
    private const int Parallelism = 8;
    private static readonly TimeSpan VerifyAfter = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, ContainerFacts?> facts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> listed = new(StringComparer.Ordinal);
    private readonly HashSet<string> dirty = new(StringComparer.Ordinal);
    private readonly HashSet<string> witnessed = new(StringComparer.Ordinal);
    private readonly HashSet<string> presumedDead = new(StringComparer.Ordinal);

    public IEnumerable<ContainerFacts> Running => facts.Values.OfType<ContainerFacts>().Where(container => container.IsRunning);

    /// <summary>Whether this process saw the container run, or saw something happen to it.</summary>
    public bool Witnessed(string id) => witnessed.Contains(id);

    public ContainerFate FateOf(string id) =>
        id.Length == 0 ? new ContainerFate(ContainerState.Absent)
        : IsUncertain(id) || !facts.TryGetValue(id, out var container) ? new ContainerFate(ContainerState.Unknown)
        : container is null ? new ContainerFate(ContainerState.Absent)
        : new ContainerFate(container.IsRunning ? ContainerState.Running : ContainerState.Exited, container);

    public ContainerFacts? FindRunning(string idOrName) =>
        facts.GetValueOrDefault(idOrName) is { IsRunning: true } container
            ? container
            : Running.FirstOrDefault(other => other.Name == idOrName);

    /// <summary>
    /// Something happened to these containers. Docker answers an inspect of a dying container only after its network is
    /// gone, which takes longer than all the rest, so a death is believed at once and verified a little later.
    /// </summary>
    public void Mark(IReadOnlyDictionary<string, Death?> happened)
    {
        foreach (var (id, death) in happened)
        {
            witnessed.Add(id);
            dirty.Add(id);
            if (death is null)
                retries.Succeeded(SubjectOf(id));
            else if (facts.GetValueOrDefault(id) is { IsRunning: true } container && container.StartedAt <= death.At)
                Presume(container, death);
        }
    }

    /// <summary>These containers are named somewhere; what is not known of them yet has to be found out.</summary>
    public void Need(IEnumerable<string> ids) => dirty.UnionWith(ids.Where(id => id.Length > 0 && !facts.ContainsKey(id)));

    /// <summary>Compares what is known with Docker's list; with <paramref name="everything"/> nothing known is trusted.</summary>
    public async Task ListAsync(IDockerClient docker, bool everything, CancellationToken ct)
    {
        var containers = await docker.Containers.ListContainersAsync(new ContainersListParameters(), ct);
        var now = containers.ToDictionary(container => container.ID, Fingerprint, StringComparer.Ordinal);
        dirty.UnionWith(now.Where(entry => everything || !IsKnown(entry.Key, entry.Value)).Select(entry => entry.Key));
        dirty.UnionWith(facts
            .Where(entry => everything || entry.Value is not { IsRunning: true } || !now.ContainsKey(entry.Key))
            .Select(entry => entry.Key));
        listed.Clear();
        foreach (var (id, fingerprint) in now)
            listed[id] = fingerprint;
    }

    /// <summary>Inspects what has to be inspected.</summary>
    /// <returns>The containers of which something new is known, and those that could not be inspected, with the reason.</returns>
    public async Task<Inspection> InspectAsync(IDockerClient docker, CancellationToken ct)
    {
        var seen = new ConcurrentDictionary<string, ContainerFacts?>(StringComparer.Ordinal);
        var failed = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        var due = dirty.Where(id => retries.IsDue(SubjectOf(id))).ToList();
        await Parallel.ForEachAsync(due, Limits(ct), async (id, token) =>
        {
            try
            {
                seen[id] = ContainerFactsReader.Read(await docker.Containers.InspectContainerAsync(id, token));
            }
            catch (DockerContainerNotFoundException)
            {
                seen[id] = null;
            }
            catch (Exception error) when (!ct.IsCancellationRequested)
            {
                failed[id] = error.GetBaseException().Message;
            }
        });
        foreach (var (id, container) in seen)
            Learn(id, container);
        return new Inspection([.. seen.Keys], failed);
    }

    /// <summary>Forgets ended containers that nothing refers to any more.</summary>
    public void Prune(IReadOnlySet<string> referred)
    {
        foreach (var (id, container) in facts.ToList())
        {
            if (container is { IsRunning: true } || referred.Contains(id) || dirty.Contains(id))
                continue;
            facts.Remove(id);
            witnessed.Remove(id);
        }
    }

    public static string SubjectOf(string id) => "container " + id;

    private void Presume(ContainerFacts container, Death death)
    {
        facts[container.Id] = container with { IsRunning = false, ExitCode = death.ExitCode };
        presumedDead.Add(container.Id);
        retries.Postpone(SubjectOf(container.Id), VerifyAfter);
    }

    private bool IsUncertain(string id) => dirty.Contains(id) && !presumedDead.Contains(id);

    private void Learn(string id, ContainerFacts? container)
    {
        facts[id] = container;
        dirty.Remove(id);
        presumedDead.Remove(id);
        if (container is { IsRunning: true })
            witnessed.Add(id);
    }

    private bool IsKnown(string id, string fingerprint) =>
        facts.GetValueOrDefault(id) is { IsRunning: true } && listed.GetValueOrDefault(id) == fingerprint;

    private static ParallelOptions Limits(CancellationToken ct) => new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct };

    /// <summary>All that can change of a container while it exists, as far as the list tells it.</summary>
    private static string Fingerprint(ContainerListResponse container) => string.Join(
        '|',
        (IEnumerable<string>)
        [
            container.State,
            .. (container.Names ?? []).Order(StringComparer.Ordinal),
            .. (container.Ports ?? [])
                .Select(port => $"{port.IP}:{port.PublicPort}:{port.PrivatePort}/{port.Type}").Order(StringComparer.Ordinal),
            .. (container.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>())
                .Select(network => $"{network.Key}={network.Value?.IPAddress}").Order(StringComparer.Ordinal),
        ]);
}

/// <summary>What an inspection brought.</summary>
internal sealed record Inspection(IReadOnlyList<string> Seen, IReadOnlyDictionary<string, string> Failed);
