using System.Text.Json.Serialization;
using ServiceMesh.Store;

namespace ServiceMesh.Proxy.LastGood;

/// <summary>What a proxy served by, as read back from disk.</summary>
internal sealed record LastGoodState(
    DateTimeOffset SavedAt, DocumentSet Documents, IReadOnlyDictionary<string, IReadOnlyList<Instance>> Instances);

/// <summary>The form of the state on disk.</summary>
internal sealed record StateFile(int Schema, DateTimeOffset SavedAt, IReadOnlyList<ServiceState> Services)
{
    public const int CurrentSchema = 1;
}

/// <summary>One service in the state on disk.</summary>
internal sealed record ServiceState(StoredDocument Stored, IReadOnlyList<Instance> Instances);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(StateFile))]
internal sealed partial class StateJson : JsonSerializerContext;
