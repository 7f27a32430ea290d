namespace ServiceMesh;

/// <summary>What a route changes among a message's headers. First what is removed, then what is set.</summary>
public sealed record HeaderChanges
{
    // They belong to the connection (RFC 9110, section 7.6.1), to the message's framing or to its way, not to a route.
    private static readonly HashSet<string> Kept = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Content-Length", "Expect", "Host", "HTTP2-Settings", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade",
    };

    /// <summary>The names that no route may change; upper and lower case are the same.</summary>
    public static IReadOnlyCollection<string> Forbidden => Kept;

    /// <summary>Headers that have this one value afterwards, whatever they had before.</summary>
    /// <remarks>The generated reader sets what the JSON does not name to null, past the initializer.</remarks>
    public IReadOnlyDictionary<string, string> Set { get; init => field = value ?? Nothing; } = Nothing;

    /// <summary>Headers that are not there afterwards.</summary>
    public IReadOnlyList<string> Remove { get; init => field = value ?? []; } = [];

    private static Dictionary<string, string> Nothing { get; } = [];

    /// <summary>What is wrong, a sentence each that names the header; empty when nothing is.</summary>
    public IEnumerable<string> Faults()
    {
        foreach (var (name, value) in Set)
        {
            if (Fault(name, value) is { } fault)
                yield return fault;
        }

        foreach (var name in Remove)
        {
            if (Fault(name) is { } fault)
                yield return fault;
        }

        var twice = Set.Keys.Concat(Remove).GroupBy(name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(same => same.Count() > 1);
        if (twice is not null)
            yield return $"header '{twice.Key}' is named twice";
    }

    /// <summary>What is wrong with a header that is to be removed; <c>null</c> if nothing is.</summary>
    public static string? Fault(string? name)
    {
        if (!HeaderText.IsName(name))
            return $"'{name}' is no header name: letters, digits and '-' (a token, RFC 9110, section 5.6.2)";
        return Kept.Contains(name!) ? $"header '{name}' belongs to the proxy: no route may change it" : null;
    }

    /// <summary>What is wrong with a header that is to be set; <c>null</c> if nothing is.</summary>
    public static string? Fault(string? name, string? value)
    {
        if (Fault(name) is { } fault)
            return fault;
        return HeaderText.IsValue(value) ? null : $"header '{name}' must have a value of printable ASCII, without spaces around it, at most 4096 long";
    }

    /// <summary>Whether both make the same changes; the names' order and case count.</summary>
    public bool Equals(HeaderChanges? other) =>
        other is not null
        && Remove.SequenceEqual(other.Remove, StringComparer.Ordinal)
        && Set.OrderBy(pair => pair.Key, StringComparer.Ordinal).SequenceEqual(other.Set.OrderBy(pair => pair.Key, StringComparer.Ordinal));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Set.Count, Remove.Count);
}
