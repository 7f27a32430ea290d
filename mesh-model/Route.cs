using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>The way that leads to a service: a host, a path prefix, or both; and how its requests are passed on.</summary>
/// <param name="Host">
/// The host name, lower case, without port; <c>*.shop.example</c> stands for every name that has one label or more before
/// <c>.shop.example</c>; <c>null</c> for any host.
/// </param>
/// <param name="Path">The path prefix, matched segment by segment: <c>/demo</c> leads <c>/demo</c> and <c>/demo/1</c>, not <c>/demos</c>.</param>
/// <param name="StripPath">Whether the prefix is taken off before the request reaches the instance.</param>
public sealed record Route(string? Host, string Path, bool StripPath)
{
    /// <summary>The path under which a proxy tells its own state; no route may take it.</summary>
    public const string Reserved = "/services";

    /// <summary>What the host of a route for every name below a domain begins with.</summary>
    public const string Wildcard = "*.";

    /// <summary>The silence that an instance is allowed where the route names none.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(100);

    /// <summary>The longest silence that a route may allow.</summary>
    public static TimeSpan LongestTimeout { get; } = TimeSpan.FromDays(1);

    /// <summary>What is changed among the headers of a request before the instance gets it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public HeaderChanges? RequestHeaders { get; init; }

    /// <summary>What is changed among the headers of an instance's answer before the client gets it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public HeaderChanges? ResponseHeaders { get; init; }

    /// <summary>
    /// How long nothing may move: until the answer's headers are there, then between any two parts of a body, of a stream of
    /// events or of a websocket. <c>null</c> for <see cref="DefaultTimeout"/>.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Timeout { get; init; }

    /// <summary>The most bytes that a request's body may have; a larger one is answered 413. <c>null</c> for no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long? MaxBody { get; init; }

    /// <summary>The protocol that the service's instances speak.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public UpstreamProtocol Upstream { get; init; }

    /// <summary>Whether all its requests ask for one host name.</summary>
    [JsonIgnore]
    public bool HasOneHost => Host is not null && !Host.StartsWith(Wildcard, StringComparison.Ordinal);

    /// <summary>What is wrong with the route, a sentence each that names the value; empty when nothing is.</summary>
    public IEnumerable<string> Faults() => FaultsByField().Select(fault => fault.Message);

    /// <summary>The same, each with the property that it is about.</summary>
    public IEnumerable<RouteFault> FaultsByField()
    {
        if (PathFault() is { } path)
            yield return new RouteFault(nameof(Path), path);
        if (Host is not null && !IsHost(Host))
        {
            yield return new RouteFault(
                nameof(Host), $"route host '{Host}' must be a host name in lower case, without a port, or '{Wildcard}' and the domain of such names");
        }

        foreach (var fault in RequestHeaders?.Faults() ?? [])
            yield return new RouteFault(nameof(RequestHeaders), $"route requestHeaders: {fault}");
        foreach (var fault in ResponseHeaders?.Faults() ?? [])
            yield return new RouteFault(nameof(ResponseHeaders), $"route responseHeaders: {fault}");
        if (Timeout is { } timeout && (timeout < TimeSpan.FromMilliseconds(1) || timeout > LongestTimeout))
            yield return new RouteFault(nameof(Timeout), $"route timeout '{DurationText.Write(timeout)}' must be 1ms to {DurationText.Write(LongestTimeout)}");
        if (MaxBody < 0)
            yield return new RouteFault(nameof(MaxBody), $"route maxBody {MaxBody} must be a number of bytes, 0 or more");
    }

    /// <summary>What is wrong with the routes of one service: with each, and that two of them are one.</summary>
    public static IEnumerable<string> FaultsOf(IReadOnlyList<Route> routes) =>
    [
        .. routes.SelectMany(route => route.Faults()),
        .. routes.CountBy(route => $"{route.Host}{route.Path}").Where(same => same.Value > 1).Select(same => $"route {same.Key} is named twice"),
    ];

    private string? PathFault()
    {
        if (Path is null || !Path.StartsWith('/'))
            return $"route path '{Path}' must begin with '/'";
        if (Path.Length > 1 && Path.EndsWith('/'))
            return $"route path '{Path}' must not end with '/': it is a prefix of whole segments";
        if (Path.Contains("//", StringComparison.Ordinal) || Path.AsSpan().IndexOfAny("?#%\\ ") >= 0 || Path.Any(char.IsControl))
            return $"route path '{Path}' must be a plain path, without '//', '?', '#', '%', '\\' or spaces";
        if (Path.Split('/').Any(segment => segment is "." or ".."))
            return $"route path '{Path}' must not have '.' or '..' among its segments";
        if (Path.Equals(Reserved, StringComparison.OrdinalIgnoreCase) || Path.StartsWith(Reserved + "/", StringComparison.OrdinalIgnoreCase))
            return $"route path '{Path}' is taken: the proxy answers {Reserved} itself";
        return null;
    }

    // A wildcard's domain is a host name itself (RFC 1123, section 2.1; at most 253 characters, RFC 1035, section 2.3.4).
    private static bool IsHost(string host) =>
        host.Length <= 253
        && (host.StartsWith(Wildcard, StringComparison.Ordinal) ? host[Wildcard.Length..] : host).Split('.').All(ServiceName.IsValid);
}

/// <summary>One thing that is wrong with a route.</summary>
/// <param name="Field">The name of the route's property.</param>
/// <param name="Message">What is wrong, in a sentence that names the value.</param>
public sealed record RouteFault(string Field, string Message);
