using System.Text.Json.Serialization;

namespace RecommendationService;

internal sealed record Recommendation([property: JsonPropertyName("rec")] int ItemId);

internal sealed record HealthResponse(string Status);

internal sealed record VersionResponse(string Version);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Recommendation))]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(VersionResponse))]
internal sealed partial class ApiJson : JsonSerializerContext;
