using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>The protocol that a service's instances speak; in JSON and in manifests <c>http</c>, <c>h2</c> or <c>h2c</c>.</summary>
[JsonConverter(typeof(ExactEnumConverter<UpstreamProtocol>))]
public enum UpstreamProtocol
{
    /// <summary><c>http</c>: HTTP/1.1 in the clear.</summary>
    [JsonStringEnumMemberName("http")]
    Http,

    /// <summary><c>h2</c>: HTTP/2 over TLS.</summary>
    [JsonStringEnumMemberName("h2")]
    H2,

    /// <summary><c>h2c</c>: HTTP/2 in the clear, known beforehand (RFC 9113, section 3.3), as gRPC has it.</summary>
    [JsonStringEnumMemberName("h2c")]
    H2c,
}
