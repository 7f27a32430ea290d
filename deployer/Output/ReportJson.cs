using System.Text.Json;
using System.Text.Json.Serialization;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Deployer.Verbs;

namespace ServiceMesh.Deployer.Output;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, Converters = [typeof(StageInLowerCase)])]
[JsonSerializable(typeof(DeliveryReport))]
[JsonSerializable(typeof(FailureReport))]
[JsonSerializable(typeof(IReadOnlyList<StatusRow>))]
[JsonSerializable(typeof(IReadOnlyList<HistoryEntry>))]
[JsonSerializable(typeof(LockReport))]
[JsonSerializable(typeof(PlanReport))]
[JsonSerializable(typeof(ValidReport))]
[JsonSerializable(typeof(InitReport))]
[JsonSerializable(typeof(LogLine))]
internal sealed partial class ReportJson : JsonSerializerContext;

/// <summary>Stages are spelled as in tags and tables.</summary>
internal sealed class StageInLowerCase() : JsonStringEnumConverter<Stage>(JsonNamingPolicy.CamelCase);

/// <summary>The one JSON document of a question that could not be answered.</summary>
internal sealed record FailureReport(int ExitCode, string Error)
{
    /// <summary>What is wrong with the manifest, by line, where one was read.</summary>
    public IReadOnlyList<ManifestError> ManifestErrors { get; init; } = [];
}
