using ServiceMesh.Proxy.Following;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Health;

/// <summary>
/// Probes the instances: each new one until it answered once, and for as long as a service has a probe policy those that
/// are active. What it finds out is news; who is in the traffic is decided elsewhere.
/// </summary>
internal sealed class Prober(Probe probe, MeshNews news, TimeProvider time) : IDisposable
{
    private const int AtOnce = 64;

    // Whoever answers has done so by then. What hangs gives its place to others, and is waited for beside them.
    private static readonly TimeSpan LongestInPlace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim places = new(AtOnce);
    private readonly Dictionary<MemberState, Probing> probings = new(ReferenceEqualityComparer.Instance);
    private readonly TaskCompletionSource broken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Fails with the first bug.</summary>
    public Task Broken => broken.Task;

    /// <summary>Follows a service's change. Only one at a time.</summary>
    public void Follow(ServiceChange change)
    {
        var document = change.After?.Stored.Document;
        var members = change.After?.Members ?? [];
        foreach (var gone in (change.Before?.Members ?? []).Where(member => !members.Any(other => other.State == member.State)))
            Set(change.Service, gone.State, null);
        foreach (var member in members)
            Set(change.Service, member.State, ProbeMode.Of(member, document));
    }

    /// <summary>Ends all probing.</summary>
    public async Task StopAsync()
    {
        foreach (var probing in probings.Values)
            await probing.Stop.CancelAsync();
        await Task.WhenAll(probings.Values.Select(probing => probing.Ended));
    }

    public void Dispose() => places.Dispose();

    private void Set(string service, MemberState member, ProbeMode? mode)
    {
        if (probings.TryGetValue(member, out var running))
        {
            if (running.Mode.GoesOnAs(mode))
                return;
            running.Stop.Cancel();
            probings.Remove(member);
        }

        if (mode is null)
            return;
        var stop = new CancellationTokenSource();
        probings[member] = new Probing(mode, stop, RunAsync(service, member, mode, stop.Token));
    }

    private async Task RunAsync(string service, MemberState member, ProbeMode mode, CancellationToken ct)
    {
        // Off the way of the snapshot.
        await Task.Yield();
        try
        {
            if (mode.IsAdmission)
                await AdmitAsync(service, member, mode.Target, ct);
            else
                await WatchAsync(service, member, mode, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Its task is over.
        }
        catch (Exception bug)
        {
            broken.TrySetException(bug);
        }
    }

    private async Task AdmitAsync(string service, MemberState member, ProbeTarget target, CancellationToken ct)
    {
        for (var pause = FirstPause; !await ProbeAsync(target, ct); pause = pause * 2 < target.Interval ? pause * 2 : target.Interval)
            await Task.Delay(Scattered(pause), time, ct);
        news.Found(service, new HealthFinding(member, FindingKind.Answers));
    }

    private async Task WatchAsync(string service, MemberState member, ProbeMode mode, CancellationToken ct)
    {
        var streak = new ProbeStreak(mode.IsGood);
        while (true)
        {
            await Task.Delay(Scattered(mode.Target.Interval), time, ct);
            if (streak.Add(await ProbeAsync(mode.Target, ct), mode.Target.Policy!))
                news.Found(service, new HealthFinding(member, streak.IsGood ? FindingKind.Answers : FindingKind.AnswersNotAnyMore));
        }
    }

    private async Task<bool> ProbeAsync(ProbeTarget target, CancellationToken ct)
    {
        await places.WaitAsync(ct);
        var succeeds = probe.SucceedsAsync(target, ct);
        try
        {
            return await succeeds.WaitAsync(LongestInPlace, time, ct);
        }
        catch (TimeoutException)
        {
            // It goes on below.
        }
        finally
        {
            places.Release();
        }

        return await succeeds;
    }

    // Many proxies and many instances must not probe in step.
    private static TimeSpan Scattered(TimeSpan pause) => pause * (0.9 + (0.2 * Random.Shared.NextDouble()));

    private sealed record Probing(ProbeMode Mode, CancellationTokenSource Stop, Task Ended);
}
