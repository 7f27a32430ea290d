namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>
/// What failed and when to try it again, each for itself: one registration that Consul refuses for ever delays no other, and
/// waiting for it does not keep the reconciler from the next event.
/// </summary>
internal sealed class RetryLedger(TimeProvider time)
{
    private readonly Dictionary<string, Failure> failures = new(StringComparer.Ordinal);

    /// <summary>When the next retry is due; <c>null</c> if nothing failed.</summary>
    public TimeSpan? NextDue => failures.Count == 0 ? null : failures.Values.Min(failure => failure.Due);

    /// <summary>When this one is due; <c>null</c> if it did not fail.</summary>
    public TimeSpan? DueOf(string subject) => failures.GetValueOrDefault(subject)?.Due;

    public bool IsDue(string subject) => !failures.TryGetValue(subject, out var failure) || failure.Due <= time.Steady();

    /// <returns>Whether this is news: it did not fail before, or for another reason.</returns>
    public bool Failed(string subject, string reason)
    {
        var before = failures.GetValueOrDefault(subject);
        var count = (before?.Count ?? 0) + 1;
        failures[subject] = new Failure(count, time.Steady() + Backoff.Delay(count, Random.Shared.NextDouble()), reason);
        return before?.Reason != reason;
    }

    /// <summary>Nothing failed, but it is not to be tried before <paramref name="delay"/> has passed.</summary>
    public void Postpone(string subject, TimeSpan delay) => failures[subject] = new Failure(0, time.Steady() + delay, "");

    /// <returns>Whether it had failed before.</returns>
    public bool Succeeded(string subject) => failures.Remove(subject);

    /// <summary>What stood in the way is gone: all that failed may be tried again at once. What was only put off keeps its time.</summary>
    public void Clear() => Keep(subject => failures[subject].Count == 0);

    /// <summary>Forgets what nobody will try again.</summary>
    public void Keep(Func<string, bool> wanted)
    {
        foreach (var subject in failures.Keys.Where(subject => !wanted(subject)).ToList())
            failures.Remove(subject);
    }

    private sealed record Failure(int Count, TimeSpan Due, string Reason);
}
