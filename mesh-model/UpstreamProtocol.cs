using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>The protocol that a service's instances speak; in JSON and in manifests <c>http</c>, <c>h2</c> or <c>h2c</c>.</summary>
[JsonConverter(typeof(UpstreamProtocolConverter))]
public enum UpstreamProtocol
{
    /// <summary><c>http</c>: HTTP/1.1 in the clear.</summary>
    Http,

    /// <summary><c>h2</c>: HTTP/2 over TLS.</summary>
    H2,

    /// <summary><c>h2c</c>: HTTP/2 in the clear, known beforehand (RFC 9113, section 3.3), as gRPC has it.</summary>
    H2c,
}

/// <summary>How the protocols are spelled.</summary>
public static class UpstreamName
{
    /// <summary>All names, for error messages.</summary>
    public const string Form = "http, h2 or h2c";

    /// <summary>The protocol's name.</summary>
    public static string Of(UpstreamProtocol protocol) => protocol switch
    {
        UpstreamProtocol.Http => "http",
        UpstreamProtocol.H2 => "h2",
        UpstreamProtocol.H2c => "h2c",
        _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, "no such protocol"),
    };

    /// <summary>Reads a name, exactly as <see cref="Of"/> writes it.</summary>
    public static bool TryParse(string? name, out UpstreamProtocol protocol)
    {
        protocol = Enum.GetValues<UpstreamProtocol>().FirstOrDefault(known => Of(known) == name);
        return Of(protocol) == name;
    }
}

/// <summary>A protocol in JSON, by its name.</summary>
public sealed class UpstreamProtocolConverter : JsonConverter<UpstreamProtocol>
{
    /// <inheritdoc/>
    /// <exception cref="JsonException">The value is no such name.</exception>
    public override UpstreamProtocol Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && UpstreamName.TryParse(reader.GetString(), out var protocol)
            ? protocol
            : throw new JsonException($"an upstream must be {UpstreamName.Form}");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, UpstreamProtocol value, JsonSerializerOptions options) =>
        writer.WriteStringValue(UpstreamName.Of(value));
}
