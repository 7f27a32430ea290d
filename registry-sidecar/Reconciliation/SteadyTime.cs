namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>What the reconciler waits by.</summary>
internal static class SteadyTime
{
    /// <summary>
    /// The time since some moment before the start, to the tick. A clock that is set, at boot say, must neither lengthen nor shorten
    /// anything; it is asked only where people or Docker's own times are met.
    /// </summary>
    public static TimeSpan Steady(this TimeProvider time) =>
        new((long)((Int128)time.GetTimestamp() * TimeSpan.TicksPerSecond / time.TimestampFrequency));
}
