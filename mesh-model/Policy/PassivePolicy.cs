using System.Text.Json.Serialization;

namespace ServiceMesh.Policy;

/// <summary>
/// When its own answers take an instance out of the traffic for a while: connections that fail one after the other, or a
/// large share of 5xx. Never more than half of a release's instances are out at once for that reason.
/// </summary>
/// <param name="Failures">After how many failed connections in a row, 0 to 1000; 0 switches it off.</param>
/// <param name="ErrorShare">At what share of 5xx within <paramref name="Window"/>, more than 0 to 1; <c>null</c> switches it off.</param>
/// <param name="Minimum">The least number of answers within the window that say anything, 1 to 100000.</param>
/// <param name="Window">What is counted together, 1 s to 10 min; <c>null</c> for <see cref="DefaultWindow"/>.</param>
/// <param name="Ejection">How long it is out the first time, 1 s to 10 min, doubled each time in a row, at most ten times as long; <c>null</c> for <see cref="DefaultEjection"/>.</param>
public sealed record PassivePolicy(
    int Failures = 5,
    double? ErrorShare = null,
    int Minimum = 20,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Window = null,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Ejection = null)
{
    /// <summary>What a document without it means.</summary>
    public static PassivePolicy Default { get; } = new();

    /// <summary>What is counted together where nothing else is said.</summary>
    public static TimeSpan DefaultWindow { get; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an instance is out the first time where nothing else is said.</summary>
    public static TimeSpan DefaultEjection { get; } = TimeSpan.FromSeconds(10);

    internal IEnumerable<string> Faults() =>
    [
        .. Limits.Check("traffic.passive.failures", Failures, 0, 1000),
        .. Limits.Check("traffic.passive.errorShare", ErrorShare, 0.001, 1),
        .. Limits.Check("traffic.passive.minimum", Minimum, 1, 100_000),
        .. Limits.Check("traffic.passive.window", Window, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)),
        .. Limits.Check("traffic.passive.ejection", Ejection, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)),
    ];
}
