using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>How documents, history entries and lock holders are written in KV: JSON in camel case.</summary>
public static class DocumentFormat
{
    /// <summary>The most bytes that a document may have. Most have about 1 KB; Consul's own limit is 512 KB.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>The document as UTF-8 JSON.</summary>
    public static byte[] Write(ServiceDocument document) =>
        JsonSerializer.SerializeToUtf8Bytes(document, DocumentJson.Default.ServiceDocument);

    /// <summary>Reads what stands under a service's key, trusting nothing in it.</summary>
    /// <param name="service">The service that the key names.</param>
    /// <param name="utf8">The key's value.</param>
    /// <param name="document">The document if it is sound, else <c>null</c>.</param>
    /// <returns>What is wrong with it, in a sentence; <c>null</c> if nothing is.</returns>
    public static string? TryRead(string service, ReadOnlySpan<byte> utf8, out ServiceDocument? document) => TryRead(service, utf8, out document, out _);

    /// <inheritdoc cref="TryRead(string, ReadOnlySpan{byte}, out ServiceDocument?)" />
    /// <param name="service">The service that the key names.</param>
    /// <param name="utf8">The key's value.</param>
    /// <param name="document">The document if it is sound, else <c>null</c>.</param>
    /// <param name="kind">Of what kind that is which is wrong.</param>
    public static string? TryRead(string service, ReadOnlySpan<byte> utf8, out ServiceDocument? document, out FaultKind kind)
    {
        (document, kind) = (null, FaultKind.Invalid);
        if (!ServiceName.IsValid(service))
            return $"'{service}' is no service name: {ServiceName.Rule}";
        if (utf8.Length > MaxBytes)
            return $"the document has {utf8.Length} bytes, more than {MaxBytes}";

        try
        {
            document = JsonSerializer.Deserialize(utf8, DocumentJson.Default.ServiceDocument);
        }
        catch (JsonException error)
        {
            kind = FaultKind.Unreadable;
            // Where a converter of ours refuses a value, the place is not in the message yet.
            var place = error.Path is { } path && !error.Message.Contains(path, StringComparison.Ordinal) ? $", at {path}" : "";
            return $"not a service document: {error.Message}{place}";
        }

        kind = document switch
        {
            null => FaultKind.Unreadable,
            { Schema: not ServiceDocument.CurrentSchema } => FaultKind.Schema,
            _ => FaultKind.Invalid,
        };
        var fault = document is null ? "the document is null" : Fault(service, document);
        document = fault is null ? document : null;
        return fault;
    }

    private static string? Fault(string service, ServiceDocument document)
    {
        if (document.Schema != ServiceDocument.CurrentSchema)
            return $"schema {document.Schema} is not the {ServiceDocument.CurrentSchema} that is understood here";
        if (document.Service != service)
            return $"the document under the key of '{service}' calls itself '{document.Service}'";
        // The compiler's view of nullability does not bind what stands in a foreign JSON array.
        if (document.Retired.Any(release => release is null)
            || document.Routes.Concat(document.Split?.Routes ?? []).Concat(document.Retired.SelectMany(release => release.Routes ?? [])).Any(route => route is null))
            return "the document has a null among its routes or retired releases";
        if (document.Leaving?.Any(id => id is null) == true)
            return "the document has a null among its leaving instances";
        return Route.FaultsOf(document.Routes)
            .Concat(document.Traffic.Faults())
            .Concat(document.Split?.Faults() ?? [])
            .Concat(document.Retired.SelectMany(release => release.Faults()))
            .Concat(document.Pause?.Faults() ?? [])
            .Concat(document.Maintenance?.Faults() ?? [])
            .FirstOrDefault()
            ?? (document.Split is not null && document.Split.Release.Deployment == document.Active?.Deployment
                ? "the split's release is the active one: there is nothing to split"
                : null);
    }
}

// A name that nobody reads is a slip of the finger, and a name twice has two readings: both are told.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ServiceDocument))]
internal sealed partial class DocumentJson : JsonSerializerContext;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(HistoryEntry))]
[JsonSerializable(typeof(TestRun[]))]
[JsonSerializable(typeof(LockHolder))]
internal sealed partial class MeshJson : JsonSerializerContext;
