using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>A duration in JSON, as <see cref="DurationText"/> spells it: <c>"1m30s"</c>.</summary>
public sealed class DurationConverter : JsonConverter<TimeSpan>
{
    /// <inheritdoc/>
    /// <exception cref="JsonException">The value is no such text.</exception>
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : null;
        return text is not null && DurationText.TryParse(text, out var duration)
            ? duration
            : throw new JsonException($"'{text}' must be {DurationText.Form}");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteStringValue(DurationText.Write(value));
}
