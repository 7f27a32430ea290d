using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>The runs of a service's tests: an array, or the one run that entries of earlier versions have in its place.</summary>
public sealed class TestRunsConverter : JsonConverter<IReadOnlyList<TestRun>>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override IReadOnlyList<TestRun> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Null => [],
        JsonTokenType.StartObject => [JsonSerializer.Deserialize(ref reader, MeshJson.Default.TestRun)!],
        _ => JsonSerializer.Deserialize(ref reader, MeshJson.Default.TestRunArray) ?? [],
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyList<TestRun> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, [.. value], MeshJson.Default.TestRunArray);
}
