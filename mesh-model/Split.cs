using System.Text.Json.Serialization;
using ServiceMesh.Policy;

namespace ServiceMesh;

/// <summary>
/// The shares of a service's traffic between the active release and one more: a canary or an A/B test. A request that
/// matches the header or the cookie goes to the split's release; of the others, its share does.
/// </summary>
/// <param name="Release">The release that gets the share.</param>
/// <param name="Share">Its share in percent, 0 to 100.</param>
/// <param name="Header">The request header that chooses it, whatever the share; <c>null</c> for none.</param>
/// <param name="Cookie">The cookie that chooses it, whatever the share; <c>null</c> for none.</param>
public sealed record Split(Release Release, double Share, SplitMatch? Header = null, SplitMatch? Cookie = null)
{
    /// <summary>The service's routes from this release's promotion on; <c>null</c> to leave them as they are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Route>? Routes { get; init; }

    /// <summary>The service's traffic policy from this release's promotion on; <c>null</c> to leave it as it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficPolicy? Traffic { get; init; }

    internal IEnumerable<string> Faults() =>
    [
        .. Limits.Check("split.share", Share, 0, 100),
        .. Route.FaultsOf(Routes ?? []),
        .. Traffic?.Faults() ?? [],
        .. Header?.Faults("split.header") ?? [],
        .. Cookie?.Faults("split.cookie") ?? [],
    ];
}

/// <summary>A header or cookie with a value.</summary>
/// <param name="Name">Its name, a token (RFC 9110, section 5.6.2).</param>
/// <param name="Value">The exact value.</param>
public sealed record SplitMatch(string Name, string Value)
{
    /// <summary>What is wrong with it; <paramref name="where"/> is what it is called in the sentences.</summary>
    public IEnumerable<string> Faults(string where)
    {
        if (!HeaderText.IsName(Name))
            yield return $"{where}.name '{Name}' must be a token: letters, digits and !#$%&'*+-.^_`|~";
        if (!HeaderText.IsValue(Value))
            yield return $"{where}.value '{Value}' must be visible ASCII characters and spaces";
    }
}
