using Consul;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What must become healthy, and within what time.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Release">The release whose instances are waited for.</param>
/// <param name="Shares">Its containers, one for each replica, by the hosts that they are on.</param>
/// <param name="HealthyFor">How long all of them must be passing without a break.</param>
/// <param name="Deadline">How long it may take until then.</param>
internal sealed record ReadinessTarget(
    string Service, Release Release, IReadOnlyList<HostShare> Shares, TimeSpan HealthyFor, TimeSpan Deadline)
{
    /// <summary>Whether the release has served before: then a warning, with which the proxies send to an instance, is nothing to wait for the end of.</summary>
    public bool HasServed { get; init; }

    /// <summary>The ids of these containers.</summary>
    public IReadOnlySet<string> Containers => Shares.SelectMany(share => share.Containers).ToHashSet(StringComparer.Ordinal);

    /// <summary>How many they are.</summary>
    public int Count => Shares.Sum(share => share.Containers.Count);

    /// <summary>The last lines of the first of them, to illustrate a failure.</summary>
    public Task<IReadOnlyList<string>> TailAsync(CancellationToken ct)
    {
        var (host, container) = SuspectAmong([]);
        return host.TailAsync(container, ct);
    }

    /// <summary>The first that is missing in what is known, or not passing, and where it is.</summary>
    public (ContainerHost Host, string Container) SuspectAmong(IReadOnlyList<(Instance Instance, string Container)> known)
    {
        var suspect = Suspect.Among([.. Shares.SelectMany(share => share.Containers)], known);
        return (Shares.First(share => share.Containers.Contains(suspect)).Host, suspect);
    }
}

/// <summary>Waits until a release's instances are registered and passing; by events only, nothing is polled.</summary>
internal sealed class Readiness(Catalog catalog, string environment, TimeProvider time)
{
    private static readonly TimeSpan LastLookWithin = TimeSpan.FromSeconds(3);

    public Task<IReadOnlyList<Instance>> WaitAsync(ReadinessTarget target, CancellationToken ct) =>
        WhileAllRunAsync(target, token => AllPassingAsync(target, token), ct);

    /// <summary>
    /// The same for what was healthy before, however long ago: it need not prove itself for a time again. A host that tells nothing
    /// at this moment is warned of; whether all are passing, Consul tells.
    /// </summary>
    public Task<IReadOnlyList<Instance>> WaitAgainAsync(ReadinessTarget target, Action<string> warn, CancellationToken ct) =>
        WhileAllRunAsync(target, token => AllPassingAsync(target with { HealthyFor = TimeSpan.Zero }, token), warn, ct);

    /// <summary>
    /// Does the work unless one of the containers ends, now or since the target's time. Docker starts it again, perhaps before any
    /// check or test has noticed, but what dies while it is judged does not get into the traffic.
    /// </summary>
    public static Task<T> WhileAllRunAsync<T>(ReadinessTarget target, Func<CancellationToken, Task<T>> work, CancellationToken ct) =>
        WhileAllRunAsync(target, work, (share, token) => share.Host.FirstExitAsync(share.Containers, share.Since, token), ct);

    /// <summary>The same for what may take hours: a host that stops telling for a while ends nothing, and is warned of.</summary>
    public static Task<T> WhileAllRunAsync<T>(ReadinessTarget target, Func<CancellationToken, Task<T>> work, Action<string> warn, CancellationToken ct) =>
        WhileAllRunAsync(target, work, (share, token) => share.Host.FirstExitAsync(share.Containers, share.Since, () => warn(Untold(target, share.Host)), token), ct);

    private static async Task<T> WhileAllRunAsync<T>(
        ReadinessTarget target, Func<CancellationToken, Task<T>> work, Func<HostShare, CancellationToken, Task<ContainerExit>> firstExit, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var exited = FirstExitAsync(target.Shares, firstExit, over.Token);
        var working = work(over.Token);
        try
        {
            await Task.WhenAny(working, exited);
            // An end that is known by now counts, even if the work has come to its own in the same moment.
            if (!exited.IsCompleted)
                return await working;
            ct.ThrowIfCancellationRequested();
            var (host, exit) = await exited;
            throw await EndedAsync(target, host, exit, ct);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll((Task)working, exited).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static DeliveryException Silent(ReadinessTarget target, ConsulRequestException silence) => new(
        ExitCode.Unreachable, $"whether {target.Service} {target.Release.Version} is healthy Consul did not tell within {DurationText.Write(target.Deadline)}: {Faults.Explain(silence)!.Message}", silence);

    private static string Untold(ReadinessTarget target, ContainerHost host) =>
        $"Docker{(host.IsOneOfSeveral ? $" on {host.Name}" : "")} stopped telling of its containers while {target.Service} {target.Release.Version} was judged; it is asked again until that is over";

    private static async Task<(ContainerHost Host, ContainerExit Exit)> FirstExitAsync(
        IReadOnlyList<HostShare> shares, Func<HostShare, CancellationToken, Task<ContainerExit>> firstExit, CancellationToken ct)
    {
        using var first = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watches = shares.Select(async share => (
            share.Host, await share.Host.NamedAsync(() => firstExit(share, first.Token), first.Token))).ToArray();
        try
        {
            return await await Task.WhenAny(watches);
        }
        finally
        {
            await first.CancelAsync();
            await Task.WhenAll((IEnumerable<Task>)watches).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<IReadOnlyList<Instance>> AllPassingAsync(ReadinessTarget target, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var gate = new HealthGate(target.Count, target.HealthyFor, target.HasServed);
        var began = time.GetTimestamp();
        ConsulRequestException? silence = null;
        var changes = catalog.FollowAsync(target.Service, target.Containers, error => silence = error, over.Token).GetAsyncEnumerator(over.Token);
        var change = changes.MoveNextAsync().AsTask();
        try
        {
            (Instance Instance, string Container)[] known = [];
            var (deadline, isOver) = (Task.Delay(target.Deadline, time, over.Token), false);
            while (true)
            {
                Instance[] instances = [.. known.Select(entry => entry.Instance)];
                var view = gate.See(instances, time.GetElapsedTime(began));
                if (view.ReadyIn == TimeSpan.Zero)
                    return instances;
                if (isOver)
                    throw await TooLateAsync(target, view, known, ct);
                var steady = Task.Delay(view.ReadyIn ?? Timeout.InfiniteTimeSpan, time, over.Token);
                var first = await Task.WhenAny(change, steady, deadline);
                ct.ThrowIfCancellationRequested();
                if (first == deadline)
                    (known, isOver) = (await LastLookAsync(target, silence, ct), true);
                if (first != change)
                    continue;
                await change;
                known = changes.Current;
                change = changes.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            await over.CancelAsync();
            await ((Task)change).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await changes.DisposeAsync();
        }
    }

    // A Consul that hangs is not noticed before the question that waits for a change has had its time, and what is known by then may be old.
    private async Task<(Instance Instance, string Container)[]> LastLookAsync(ReadinessTarget target, ConsulRequestException? silence, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(LastLookWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            return await ConsulAnswer.OfAsync(() => catalog.OfContainersAsync(target.Service, target.Containers, error => silence = error, either.Token), time, either.Token);
        }
        catch (ConsulRequestException error)
        {
            throw Silent(target, error);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw Silent(target, silence ?? new ConsulRequestException($"no answer within {DurationText.Write(LastLookWithin)}", ConsulFault.Timeout, error));
        }
    }

    private static async Task<DeliveryException> EndedAsync(ReadinessTarget target, ContainerHost host, ContainerExit exit, CancellationToken ct) =>
        new(
            ExitCode.Unhealthy,
            $"{target.Service} {target.Release.Version} is not healthy: its container {exit.Name} ended by itself "
            + $"with exit code {exit.ExitCode}. Production is unchanged. Its last lines tell why; mend that, then run this again.")
        {
            LogTail = await host.TailAsync(exit.Id, ct),
        };

    private async Task<DeliveryException> TooLateAsync(ReadinessTarget target, GateView view, IReadOnlyList<(Instance Instance, string Container)> known, CancellationToken ct)
    {
        var (host, container) = target.SuspectAmong(known);
        return new DeliveryException(ExitCode.Unhealthy, ReadinessSentence.TooLate(target, view, await ComplaintAsync(target.Service, host, container, ct), environment))
        {
            LogTail = await host.TailAsync(container, ct),
        };
    }

    // It only illustrates the failure.
    private async Task<string?> ComplaintAsync(string service, ContainerHost host, string container, CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(LastLookWithin, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            return await catalog.ComplaintAsync(service, container, either.Token) is { } said ? await host.MaskAsync(container, said, either.Token) : null;
        }
        catch (Exception error) when (!ct.IsCancellationRequested && Faults.Explain(error) is not null)
        {
            return null;
        }
    }
}
