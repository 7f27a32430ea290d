using System.Text.Json.Serialization;

namespace ServiceMesh.Policy;

/// <summary>The proxy's own probes: an instance gets requests once it answered, and leaves when it stops to answer.</summary>
/// <param name="Path">The path of a <c>GET</c> that a good instance answers with 2xx.</param>
/// <param name="Interval">The time between two probes, 1 s to 10 min; <c>null</c> for <see cref="DefaultInterval"/>.</param>
/// <param name="Timeout">How long an answer may take, at most 1 min; <c>null</c> for <see cref="DefaultTimeout"/>.</param>
/// <param name="Failures">After how many failed probes in a row an instance leaves, 1 to 100.</param>
/// <param name="Successes">After how many good ones in a row it is back, 1 to 100.</param>
public sealed record ProbePolicy(
    string Path,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Interval = null,
    [property: JsonConverter(typeof(DurationConverter))] TimeSpan? Timeout = null,
    int Failures = 3,
    int Successes = 1)
{
    /// <summary>The time between two probes where nothing else is said.</summary>
    public static TimeSpan DefaultInterval { get; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an answer may take where nothing else is said.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether a <c>GET</c> can ask for it: a path that begins with <c>/</c>, with a query or without, and with nothing in it that would end it.</summary>
    public static bool IsPath(string? path) =>
        path is { Length: > 0 and <= 2000 } && path[0] == '/' && !path.Any(c => char.IsControl(c) || c is ' ' or '#');

    internal IEnumerable<string> Faults()
    {
        if (!IsPath(Path))
            yield return $"traffic.probe.path '{Path}' must be a path that begins with '/', such as /health";
        var rest = Limits.Check("traffic.probe.interval", Interval, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10))
            .Concat(Limits.Check("traffic.probe.timeout", Timeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1)))
            .Concat(Limits.Check("traffic.probe.failures", Failures, 1, 100))
            .Concat(Limits.Check("traffic.probe.successes", Successes, 1, 100));
        foreach (var fault in rest)
            yield return fault;
    }
}
