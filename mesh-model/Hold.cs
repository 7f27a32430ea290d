using System.Text.Json.Serialization;
using ServiceMesh.Policy;

namespace ServiceMesh;

/// <summary>Requests are held until the service goes on, and then answered as if nothing had been.</summary>
/// <param name="Since">When the pause began, UTC.</param>
/// <param name="Limit">How long a request is held at most before it gets 504, at most 10 minutes; <c>null</c> for <see cref="DefaultLimit"/>.</param>
public sealed record Pause(
    DateTimeOffset Since,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Limit = null)
{
    /// <summary>How long a request is held where nothing else is said.</summary>
    public static TimeSpan DefaultLimit { get; } = TimeSpan.FromSeconds(30);

    /// <summary>What is wrong with it, a sentence each that begins with the value's name in the document; empty when nothing is.</summary>
    public IEnumerable<string> Faults() => Limits.Check("pause.limit", Limit, TimeSpan.Zero, TimeSpan.FromMinutes(10));
}

/// <summary>Requests get 503 with a message.</summary>
/// <param name="Since">When it began, UTC.</param>
/// <param name="Message">What people read; <c>null</c> for a plain sentence.</param>
/// <param name="RetryAfter">When to try again, told in <c>Retry-After</c>, 1 s to 1 day; <c>null</c> for <see cref="DefaultRetryAfter"/>.</param>
public sealed record Maintenance(
    DateTimeOffset Since,
    string? Message = null,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? RetryAfter = null)
{
    /// <summary>When to try again where nothing else is said.</summary>
    public static TimeSpan DefaultRetryAfter { get; } = TimeSpan.FromMinutes(1);

    /// <summary>What is wrong with it, a sentence each that begins with the value's name in the document; empty when nothing is.</summary>
    public IEnumerable<string> Faults()
    {
        if (Message is { Length: > 1000 })
            yield return $"maintenance.message has {Message.Length} characters, more than 1000";
        foreach (var fault in Limits.Check("maintenance.retryAfter", RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1)))
            yield return fault;
    }
}
