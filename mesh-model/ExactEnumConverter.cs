using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>
/// An enumeration in JSON by the names of its <see cref="JsonStringEnumMemberNameAttribute"/>s, and by nothing else: the
/// framework's own converter takes any case, too, and then the schema and the code would not say the same.
/// </summary>
/// <typeparam name="TEnum">An enumeration, each member of which has such a name.</typeparam>
public sealed class ExactEnumConverter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields)] TEnum> : JsonConverter<TEnum>
    where TEnum : struct, Enum
{
    private static readonly Dictionary<string, TEnum> ByName = typeof(TEnum)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .ToDictionary(
            field => field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name,
            field => (TEnum)field.GetValue(null)!,
            StringComparer.Ordinal);

    /// <inheritdoc/>
    /// <exception cref="JsonException">The value is none of the names.</exception>
    public override TEnum Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        return text is not null && ByName.TryGetValue(text, out var value)
            ? value
            : throw new JsonException($"'{text}' must be one of {string.Join(", ", ByName.Keys)}");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, TEnum value, JsonSerializerOptions options) =>
        writer.WriteStringValue(ByName.Single(pair => pair.Value.Equals(value)).Key);
}
