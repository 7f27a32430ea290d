using System.Text.Json;
using System.Text.Json.Serialization;

namespace Consul;

/// <summary>
/// Anyone may register a check with any status in the catalog: one odd check must not make all unreadable.
/// </summary>
internal sealed class HealthStatusConverter : JsonConverter<HealthStatus>
{
    public override HealthStatus Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() switch
        {
            "passing" => HealthStatus.Passing,
            "warning" => HealthStatus.Warning,
            _ => HealthStatus.Critical,
        };

    public override void Write(Utf8JsonWriter writer, HealthStatus value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Status);
}
