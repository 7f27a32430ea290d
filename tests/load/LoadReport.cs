using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh.Load;

/// <summary>What a load run counted.</summary>
/// <param name="Sent">Requests sent, whatever came of them.</param>
/// <param name="Failed">Requests without an answer or with one that is not 2xx.</param>
/// <param name="Seconds">From the first request to the last answer.</param>
/// <param name="Statuses">Answers by HTTP status.</param>
/// <param name="FirstFailures">The first few failures, in words.</param>
/// <param name="FirstFailureSeconds">When the first request failed, from the first request on; null if none did.</param>
/// <param name="LastFailureSeconds">When the last request failed.</param>
public sealed record LoadReport(
    long Sent,
    long Failed,
    double Seconds,
    IReadOnlyDictionary<int, long> Statuses,
    IReadOnlyList<string> FirstFailures,
    double? FirstFailureSeconds,
    double? LastFailureSeconds)
{
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.LoadReport);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LoadReport))]
internal sealed partial class LoadJson : JsonSerializerContext;
