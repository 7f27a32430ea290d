using System.Text.Json;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>A check by an HTTP or HTTPS request.</summary>
internal static class HttpCheck
{
    public static AgentServiceCheck Of(
        string scheme, string target, string path, string? method, PortMetadata metadata, List<string> warnings) => new()
        {
            HTTP = $"{scheme}://{target}{(path.StartsWith('/') ? "" : "/")}{path}",
            Method = method,
            Header = Headers(metadata, warnings),
            Body = metadata.Find(MetadataKey.CheckBody),
            TLSSkipVerify = scheme == "https" && metadata.IsTrue(MetadataKey.CheckTlsSkipVerify),
        };

    /// <summary>Reads <c>{"Host": "a"}</c> as well as Consul's own form <c>{"Host": ["a"]}</c>.</summary>
    private static Dictionary<string, List<string>>? Headers(PortMetadata metadata, List<string> warnings)
    {
        if (metadata.Find(MetadataKey.CheckHeader) is not { } json)
            return null;
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.EnumerateObject().OrderBy(header => header.Name, StringComparer.Ordinal)
                .ToDictionary(header => header.Name, header => Values(header.Value));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            warnings.Add("SERVICE_CHECK_HEADER is not a JSON object of header names and values; the check goes without it");
            return null;
        }
    }

    private static List<string> Values(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => item.GetString() ?? "")]
            : [value.GetString() ?? ""];
}
