using System.Collections.Concurrent;
using Docker.DotNet;
using Docker.DotNet.Models;
using ServiceMesh.RegistrySidecar.Registration;

namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What is known of the containers. Only those that something happened to are inspected again; the list of all, which is
/// cheap, shows what an event did not tell.
/// </summary>
internal sealed class ContainerCache(RetryLedger retries, TimeProvider time)
{
    /// <summary>So many are inspected in one pass, as many as it then registers.</summary>
    public const int AtOnce = AgentWriter.AtOnce;

    private static readonly TimeSpan VerifyAfter = TimeSpan.FromSeconds(1);

    /// <summary>
    /// For how long at the least one that got a signal is believed to end, however short its own stop timeout: neither an event nor an
    /// inspection tells of <c>docker stop -t</c>, and one that drains must not come back into the traffic.
    /// </summary>
    public static readonly TimeSpan LeastFarewell = TimeSpan.FromMinutes(5);

    /// <summary>Docker itself ends a container a moment after its stop timeout, not at it.</summary>
    private static readonly TimeSpan BeyondStopTimeout = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, ContainerFacts?> facts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> listed = new(StringComparer.Ordinal);
    // Who was listed last, or told or seen to run since, and when.
    private readonly Dictionary<string, TimeSpan> mayRun = new(StringComparer.Ordinal);
    private readonly HashSet<string> dirty = new(StringComparer.Ordinal);
    private readonly HashSet<string> starting = new(StringComparer.Ordinal);
    private readonly HashSet<string> witnessed = new(StringComparer.Ordinal);
    private readonly HashSet<string> presumedDead = new(StringComparer.Ordinal);
    // Signals that came before it was known to which run of the container.
    private readonly Dictionary<string, (Death Signal, TimeSpan Came)> signalled = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Farewell> farewells = new(StringComparer.Ordinal);
    // The run of a container that got a signal which ends it.
    private readonly Dictionary<string, DateTimeOffset> toldToEnd = new(StringComparer.Ordinal);
    private readonly Inspections inspections = new(time);
    private bool isListed;

    /// <summary>Whether there was more to inspect at the last time than is inspected in one pass, or than Docker had answers for in time.</summary>
    public bool HasMore { get; private set; }

    public IEnumerable<ContainerFacts> Running => facts.Values.OfType<ContainerFacts>().Where(Runs);

    /// <summary>Whether this process saw the container run, or saw something happen to it.</summary>
    public bool Witnessed(string id) => witnessed.Contains(id);

    /// <summary>Whether Docker has the container, or had it when it was asked last.</summary>
    public bool Has(string id) => mayRun.ContainsKey(id) || facts.GetValueOrDefault(id) is not null;

    public ContainerFate FateOf(string id) =>
        id.Length == 0 ? new ContainerFate(ContainerState.Absent)
        : IsUncertain(id) || !facts.TryGetValue(id, out var container) ? new ContainerFate(MayRun(id) ? ContainerState.Unknown : ContainerState.Ended)
        : container is null ? new ContainerFate(ContainerState.Absent)
        : new ContainerFate(container.IsRunning ? ContainerState.Running : ContainerState.Exited, container)
        {
            WasToldToEnd = toldToEnd.TryGetValue(id, out var run) && run == container.StartedAt,
        };

    /// <summary>Whether it is not known yet if this container runs: a start may have been missed.</summary>
    public bool IsUndecided(string id) => FindRunning(id) is null && MayRun(id) && (!isListed || IsUncertain(id));

    public ContainerFacts? FindRunning(string idOrName) =>
        facts.GetValueOrDefault(idOrName) is { } container && Runs(container)
            ? container
            : Running.FirstOrDefault(other => other.Name == idOrName);

    /// <summary>
    /// Something happened to these containers. Docker answers an inspect of a dying container only after its network is
    /// gone, which takes longer than all the rest, so a death is believed at once and verified a little later; likewise a
    /// signal that ends the container, which is verified when it would have been obeyed at the latest.
    /// </summary>
    public void Mark(IReadOnlyDictionary<string, Happened> happened)
    {
        foreach (var (id, what) in happened)
        {
            var known = facts.GetValueOrDefault(id);
            if (what.Effect == EventEffect.LookedAtAhead && known is not { IsRunning: true })
            {
                starting.Add(id);
                continue;
            }

            if (what.Effect != EventEffect.Started)
                inspections.Forget(id);
            // What is believed dead is looked at in its time.
            if (what.Effect == EventEffect.LookedAt && known is not { IsRunning: true })
                continue;
            witnessed.Add(id);
            dirty.Add(id);
            if (what.MayRun)
                mayRun[id] = time.Steady();
            // It may come to be again as it was listed, by an event that is lost, and would be taken as known.
            listed.Remove(id);
            if (what.Effect != EventEffect.LookedAtAnyway && known is not null && Believed(known, what.Death) is { } death)
            {
                Presume(known, death, time.Steady() - death.Age);
                continue;
            }

            if (what.Death is { Signal: not null } signal)
                signalled[id] = (signal.After(signalled.GetValueOrDefault(id).Signal), time.Steady());
            retries.Succeeded(SubjectOf(id));
        }
    }

    /// <summary>These containers are named somewhere; what is not known of them yet has to be found out.</summary>
    public void Need(IEnumerable<string> ids) => dirty.UnionWith(ids.Where(id => id.Length > 0 && !facts.ContainsKey(id)));

    /// <summary>Compares what is known with Docker's list; with <paramref name="everything"/> nothing known is trusted.</summary>
    public async Task ListAsync(IDockerClient docker, bool everything, CancellationToken ct)
    {
        var (containers, asked) = await inspections.ListAsync(docker, ct);
        inspections.ForgetAll();
        // It may have started again meanwhile, and no event told.
        foreach (var id in farewells.Keys)
            retries.Succeeded(SubjectOf(id));
        var now = containers.ToDictionary(container => container.ID, ListedContainer.Fingerprint, StringComparer.Ordinal);
        dirty.UnionWith(containers.Where(one => everything || !IsKnown(one, now[one.ID])).Select(one => one.ID));
        dirty.UnionWith(facts
            .Where(entry => everything || entry.Value is not { IsRunning: true } || !now.ContainsKey(entry.Key))
            .Select(entry => entry.Key));
        listed.Clear();
        foreach (var (id, fingerprint) in now)
            listed[id] = fingerprint;
        foreach (var id in mayRun.Where(entry => entry.Value <= asked).Select(entry => entry.Key).ToList())
            mayRun.Remove(id);
        foreach (var id in now.Keys)
            mayRun.TryAdd(id, asked);
        isListed = true;
    }

    /// <summary>
    /// Nobody is inspected now. Of whoever came and went meanwhile there is nothing to learn, and it is forgotten that anything happened to
    /// him; if he is registered he is asked for again.
    /// </summary>
    public void ForgetUnseen()
    {
        foreach (var id in dirty.Concat(witnessed).Concat(starting).Concat(signalled.Keys).Where(id => !MayRun(id) && !facts.ContainsKey(id)).ToList())
        {
            dirty.Remove(id);
            witnessed.Remove(id);
            starting.Remove(id);
            signalled.Remove(id);
            retries.Succeeded(SubjectOf(id));
        }
    }

    private IEnumerable<string> Due => dirty.Where(id => retries.IsDue(SubjectOf(id)));

    /// <summary>
    /// Inspects what has to be inspected, or the first part of it. The next part is asked for meanwhile, so that Docker looks for its
    /// answers while the agent takes what this part leads to.
    /// </summary>
    /// <returns>The containers of which something new is known, and those that could not be inspected, with the reason.</returns>
    public async Task<Inspection> InspectAsync(IDockerClient docker, CancellationToken ct)
    {
        foreach (var id in starting)
            inspections.AskAhead(docker, id, ct);
        starting.Clear();
        var seen = new ConcurrentDictionary<string, ContainerFacts?>(StringComparer.Ordinal);
        var failed = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        var (due, began) = (Due.ToList(), time.GetTimestamp());
        // To whom something happened since the list comes first.
        if (due.Count > AtOnce)
            due = [.. due.OrderBy(listed.ContainsKey)];
        await Calls.ForEachAsync(
            [.. due.Take(AtOnce)],
            async (id, token) =>
            {
                try
                {
                    // What else there is to do does not wait for a Docker that hangs, or that has much to tell.
                    if (time.GetElapsedTime(began) > Inspections.Patience)
                        return;
                    seen[id] = await inspections.AskAsync(docker, id, facts.GetValueOrDefault(id)?.StartedAt ?? default, token);
                }
                catch (Exception error) when (error is not OperationCanceledException || !ct.IsCancellationRequested)
                {
                    failed[id] = DockerFailure.Describe(error);
                }
            },
            ct);
        foreach (var (id, container) in seen)
            Learn(id, container);
        HasMore = due.Exists(id => !seen.ContainsKey(id) && !failed.ContainsKey(id));
        foreach (var id in due.Skip(AtOnce).Where(id => !facts.ContainsKey(id)))
            inspections.AskAhead(docker, id, ct);
        return new Inspection([.. seen.Keys.Where(id => !dirty.Contains(id))], failed);
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
            toldToEnd.Remove(id);
        }
    }

    public static string SubjectOf(string id) => "container " + id;

    /// <summary>What of it ends this run of the container. A signal before a death is noted, too: whoever was told to end did not fail.</summary>
    private Death? Believed(ContainerFacts container, Death? death)
    {
        if (!container.IsRunning && !presumedDead.Contains(container.Id))
            return null;
        var ends = (death?.All ?? [])
            .Where(one => container.StartedAt <= one.At && (one.Signal is null || (Told(container, ContainerEvents.SignalAttribute) && Signals.End(one.Signal, container.StopSignal))))
            .ToList();
        if (ends.Exists(one => one.Signal is not null))
            toldToEnd[container.Id] = container.StartedAt;
        return ends.FirstOrDefault();
    }

    private void Presume(ContainerFacts container, Death death, TimeSpan came)
    {
        var verified = came + (death.Signal is null ? VerifyAfter : FarewellOf(container));
        var exitCode = Told(container, ContainerEvents.ExitCodeAttribute) ? death.ExitCode : Death.UnknownExitCode;
        facts[container.Id] = container with { IsRunning = false, ExitCode = exitCode };
        presumedDead.Add(container.Id);
        if (death.Signal is null)
            farewells.Remove(container.Id);
        else
            farewells[container.Id] = new Farewell(container.StartedAt, verified);
        retries.Postpone(SubjectOf(container.Id), verified - time.Steady());
    }

    // Whether Docker's event can have told this: a label of the same name is told in its place.
    private static bool Told(ContainerFacts container, string attribute) => !container.Labels.ContainsKey(attribute);

    private static TimeSpan FarewellOf(ContainerFacts container) =>
        container.StopTimeout + BeyondStopTimeout is var asked && asked > LeastFarewell ? asked : LeastFarewell;

    private bool IsLeaving(ContainerFacts? container) =>
        container is { IsRunning: true }
        && farewells.TryGetValue(container.Id, out var farewell)
        && farewell.Of == container.StartedAt
        && time.Steady() < farewell.Ends;

    // Whoever is not listed does not run, however long Docker takes to tell how he ended.
    private bool MayRun(string id) => !isListed || mayRun.ContainsKey(id);

    private bool Runs(ContainerFacts container) => container.IsRunning && MayRun(container.Id);

    private bool IsUncertain(string id) => dirty.Contains(id) && !presumedDead.Contains(id);

    private void Learn(string id, ContainerFacts? container)
    {
        if (IsLeaving(container))
        {
            retries.Postpone(SubjectOf(id), farewells[id].Ends - time.Steady());
            return;
        }

        facts[id] = container;
        dirty.Remove(id);
        presumedDead.Remove(id);
        farewells.Remove(id);
        if (container is { IsRunning: true })
        {
            witnessed.Add(id);
            mayRun[id] = time.Steady();
            toldToEnd.Remove(id);
        }

        if (signalled.Remove(id, out var told)
            && container is not null
            && Believed(container, told.Signal) is { } signal
            && time.Steady() < told.Came - signal.Age + FarewellOf(container))
        {
            dirty.Add(id);
            Presume(container, signal, told.Came - signal.Age);
        }
    }

    private bool IsKnown(ContainerListResponse container, string fingerprint) =>
        facts.GetValueOrDefault(container.ID) is { IsRunning: true } known
        && listed.GetValueOrDefault(container.ID) == fingerprint
        && ListedContainer.Shows(container, known);
}

/// <summary>A container was told to end.</summary>
/// <param name="Of">Which run of it, by its start.</param>
/// <param name="Ends">When it has lived on for so long that it will not obey.</param>
internal sealed record Farewell(DateTimeOffset Of, TimeSpan Ends);

/// <summary>What an inspection brought.</summary>
internal sealed record Inspection(IReadOnlyList<string> Seen, IReadOnlyDictionary<string, string> Failed);
