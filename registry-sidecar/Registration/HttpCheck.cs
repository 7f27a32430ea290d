using System.Text.Json;
using Consul;

namespace ServiceMesh.RegistrySidecar.Registration;

/// <summary>A check by an HTTP or HTTPS request.</summary>
internal static class HttpCheck
{
    /// <summary>So many characters at the most has what a check sends: Consul stores it for each instance, and takes anything.</summary>
    public const int Limit = 4096;

    /// <returns>The check; <c>null</c> if its path cannot be taken.</returns>
    public static AgentServiceCheck? Of(string scheme, string target, string pathKey, string methodKey, PortMetadata metadata, CheckSettings settings, List<string> warnings)
    {
        if (Bounded(pathKey, metadata, warnings) is not { } path)
            return null;
        return new AgentServiceCheck
        {
            HTTP = $"{scheme}://{target}{(path.StartsWith('/') ? "" : "/")}{path}",
            Method = Bounded(methodKey, metadata, warnings),
            Header = Headers(metadata, warnings),
            Body = settings.IsKnown(MetadataKey.CheckBody) ? Bounded(MetadataKey.CheckBody, metadata, warnings) : null,
            TLSSkipVerify = scheme == "https" && metadata.IsTrue(MetadataKey.CheckTlsSkipVerify),
        };
    }

    private static string? Bounded(string key, PortMetadata metadata, List<string> warnings)
    {
        if (metadata.Find(key) is not { Length: > Limit })
            return metadata.Find(key);
        warnings.Add($"SERVICE_{key.ToUpperInvariant()} is left out, because it is longer than {Limit} characters");
        return null;
    }

    /// <summary>Reads <c>{"Host": "a"}</c> as well as Consul's own form <c>{"Host": ["a"]}</c>.</summary>
    private static Dictionary<string, List<string>>? Headers(PortMetadata metadata, List<string> warnings)
    {
        if (Bounded(MetadataKey.CheckHeader, metadata, warnings) is not { } json)
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
