namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>How long to wait before trying again: doubling from 100 ms to 5 s, with jitter.</summary>
internal static class Backoff
{
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <param name="failures">How often it failed in a row, from 1.</param>
    /// <param name="jitter">From 0 to 1.</param>
    public static TimeSpan Delay(int failures, double jitter)
    {
        var full = Math.Min(Longest.TotalMilliseconds, First.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 16)));
        return TimeSpan.FromMilliseconds(full * (0.5 + (jitter / 2)));
    }
}
