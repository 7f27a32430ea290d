using System.Text.Json.Serialization;

namespace ServiceMesh.Policy;

/// <summary>How a proxy sends a service's requests to its instances. What is left out has its default.</summary>
public sealed record TrafficPolicy
{
    /// <summary>What a document without a policy means.</summary>
    public static TrafficPolicy Default { get; } = new();

    /// <summary>How one of several instances is chosen.</summary>
    public Balance Balance { get; init; }

    /// <summary>Whether a client's requests keep going to the same instance, by a cookie that the proxy issues.</summary>
    public bool Sticky { get; init; }

    /// <summary>When a request is sent once more; <c>null</c> in JSON means the default.</summary>
    public RetryPolicy Retries { get; init => field = value ?? RetryPolicy.Default; } = RetryPolicy.Default;

    /// <summary>The limit of requests at once; <c>null</c> for none.</summary>
    public ConcurrencyLimit? Concurrency { get; init; }

    /// <summary>The proxy's own probes; <c>null</c> for none beyond the first connection.</summary>
    public ProbePolicy? Probe { get; init; }

    /// <summary>When answers take an instance out of the traffic; <c>null</c> in JSON means the default.</summary>
    public PassivePolicy Passive { get; init => field = value ?? PassivePolicy.Default; } = PassivePolicy.Default;

    /// <summary>For how long a new instance gets a growing share; <c>null</c> for its full share at once. At most 1 hour.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? SlowStart { get; init; }

    /// <summary>How long an instance that left the traffic may go on with its old requests; <c>null</c> for <see cref="DefaultDrain"/>. At most 1 hour.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Drain { get; init; }

    /// <summary>The drain timeout where none is given.</summary>
    public static TimeSpan DefaultDrain { get; } = TimeSpan.FromSeconds(30);

    /// <summary>What is wrong with the policy, a sentence each that names the value; empty when nothing is.</summary>
    public IEnumerable<string> Faults() =>
    [
        .. Enum.IsDefined(Balance) ? Array.Empty<string>() : [$"traffic.balance {Balance} is none of: powerOfTwo, roundRobin, leastRequests, random, first"],
        .. Retries.Faults(),
        .. Concurrency?.Faults() ?? [],
        .. Probe?.Faults() ?? [],
        .. Passive.Faults(),
        .. Limits.Check("traffic.slowStart", SlowStart, TimeSpan.Zero, TimeSpan.FromHours(1)),
        .. Limits.Check("traffic.drain", Drain, TimeSpan.Zero, TimeSpan.FromHours(1)),
    ];
}
