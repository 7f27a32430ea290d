using System.Text.Json.Serialization;

namespace ServiceMesh.Policy;

/// <summary>How many requests a proxy sends to one instance at once. More wait in a short line; beyond that they get 503.</summary>
/// <param name="PerInstance">Requests at once to one instance, 1 to 100000.</param>
/// <param name="Queue">How many requests may wait for a place at a release's instances, 0 to 10000.</param>
/// <param name="Wait">How long one may wait, at most 1 minute; <c>null</c> for <see cref="DefaultWait"/>.</param>
public sealed record ConcurrencyLimit(
    int PerInstance,
    int Queue = 100,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Wait = null)
{
    /// <summary>How long a request waits for a place where nothing else is said.</summary>
    public static TimeSpan DefaultWait { get; } = TimeSpan.FromSeconds(1);

    internal IEnumerable<string> Faults() =>
    [
        .. Limits.Check("traffic.concurrency.perInstance", PerInstance, 1, 100_000),
        .. Limits.Check("traffic.concurrency.queue", Queue, 0, 10_000),
        .. Limits.Check("traffic.concurrency.wait", Wait, TimeSpan.Zero, TimeSpan.FromMinutes(1)),
    ];
}
