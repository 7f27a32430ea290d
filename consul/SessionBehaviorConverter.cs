using System.Text.Json;
using System.Text.Json.Serialization;

namespace Consul;

internal sealed class SessionBehaviorConverter : JsonConverter<SessionBehavior>
{
    public override SessionBehavior Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is "delete" ? SessionBehavior.Delete : SessionBehavior.Release;

    public override void Write(Utf8JsonWriter writer, SessionBehavior value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Behavior);
}
