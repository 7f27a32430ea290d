using System.Text.Json;
using System.Text.Json.Serialization;

namespace Consul;

/// <summary>Consul answers durations as Go text or as nanoseconds, and none as null or empty text.</summary>
internal sealed class GoDurationConverter : JsonConverter<TimeSpan?>
{
    public override TimeSpan? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.Number:
                return GoDuration.FromNanoseconds(reader.GetInt64());
            default:
                var text = reader.GetString() ?? "";
                return text.Length == 0 ? null
                    : GoDuration.TryParse(text, out var duration) ? duration
                    : throw new JsonException($"'{text}' is no duration");
        }
    }

    public override void Write(Utf8JsonWriter writer, TimeSpan? value, JsonSerializerOptions options)
    {
        if (value is { } duration)
            writer.WriteStringValue(GoDuration.Format(duration));
        else
            writer.WriteNullValue();
    }
}
