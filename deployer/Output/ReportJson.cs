using System.Text.Json.Serialization;
using ServiceMesh.Deployer.Verbs;

namespace ServiceMesh.Deployer.Output;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(DeliveryReport))]
[JsonSerializable(typeof(FailureReport))]
[JsonSerializable(typeof(IReadOnlyList<StatusRow>))]
[JsonSerializable(typeof(IReadOnlyList<HistoryEntry>))]
internal sealed partial class ReportJson : JsonSerializerContext;

/// <summary>The one JSON document of a question that could not be answered.</summary>
internal sealed record FailureReport(int ExitCode, string Error);
