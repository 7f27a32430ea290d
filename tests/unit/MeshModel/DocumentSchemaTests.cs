using System.Collections;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CsCheck;
using Json.Schema;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

/// <summary>The published schema and the code that reads documents say the same.</summary>
public sealed class DocumentSchemaTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "service-document.schema.json"));
    private static readonly JsonObject Json = JsonNode.Parse(Text)!.AsObject();
    private static readonly JsonSchema Schema = JsonSchema.FromText(Text);

    private const string Whole = """
        {"schema":1,"service":"demo","routes":[
          {"host":"*.shop.example","path":"/demo/x","stripPath":true,
           "requestHeaders":{"set":{"X-A":"1 2","Content-Type":""},"remove":["X-B"]},"responseHeaders":{"remove":["Server"]},
           "timeout":"1m30s","maxBody":1024,"upstream":"h2c"},
          {"host":null,"path":"/","stripPath":false,"timeout":null,"maxBody":null,"requestHeaders":null}],
         "active":{"deployment":"d2","version":"v2","image":"demo@sha256:1","createdAt":"2026-01-02T03:04:05.1234567+00:00"},
         "retired":[{"deployment":"d1","version":"v1","image":"demo@sha256:0","createdAt":"2026-01-01T00:00:00Z",
           "routes":[{"host":null,"path":"/old","stripPath":true}],"traffic":{"balance":"first"}}],
         "split":{"release":{"deployment":"d3","version":"v3","image":"demo@sha256:2","createdAt":"2026-01-03T00:00:00Z"},"share":12.5,
           "header":{"name":"X-Beta","value":"yes"},"cookie":{"name":"beta","value":""},
           "routes":[{"host":null,"path":"/new","stripPath":true}],"traffic":{"sticky":true,"passive":{"failures":5}}},
         "leaving":["host:demo-v2-d2-2:8080"],
         "traffic":{"balance":"leastRequests","sticky":true,"retries":{"attempts":2,"budget":0.2},
           "concurrency":{"perInstance":100,"queue":10,"wait":"0s"},
           "probe":{"path":"/health?x=1","interval":"5s","timeout":"500ms","failures":3,"successes":1},
           "passive":{"failures":0,"errorShare":0.5,"minimum":20,"window":"10s","ejection":"1m"},"slowStart":"30s","drain":"0"},
         "pause":{"since":"2026-01-02T03:04:05Z","limit":"30s"},
         "maintenance":{"since":"2026-01-02T03:04:05Z","message":"back soon","retryAfter":"1m"}}
        """;

    // What stands in a document's place now and then: nothing, the wrong kind, and what is nearly right.
    private static readonly string[] Odd =
    [
        "null", "true", "0", "-1", "1", "\"\"", "[]", "{}", "[null]", "[{}]", "{\"x\":1}", "{\"X-A\":null}", "\"x\"", "\"/x\"", "\"x/\"", "\"/x/\"",
        "\"/services\"", "\"/Services/x\"", "\"/services-old\"", "\"/a/../b\"", "\"/..a/.b.\"", "\"/a//b\"", "\"/a b\"", "\"/%2e\"", "\"/ä\"", "\"/a\\u0007\"",
        "\"*.a\"", "\"*\"", "\"a.b\"", "\"A.b\"", "\"a.b:80\"", "\"a..b\"", "\"-a.b\"", "\"10.0.0.1\"", "\"1s\"", "\"1.5s2ms\"", "\"0s\"", "\"2ms1h\"", "\"1\"", "\"0\"", "\"1 s\"",
        "\"http\"", "\"HTTP\"", "\"h2\"", "\"h3\"", "\"hOst\"", "\"random\"", "\"Random\"", "0.5", "1000000", "\"TE\"", "\"te-x\"", "\"Content-length\"", "\"X A\"", "\" x\"", "\"x \"", "\"a\\r\\nb\"", "\"2026-01-01T00:00:00Z\"",
        "9223372036854775807", "{\"set\":{\"keep-alive\":\"1\"}}", "{\"set\":{\"X-C\":\"ä\"}}", "{\"set\":{\"X-C\":\"c\"},\"remove\":[\"X-D\"]}", "{\"remove\":[\"Upgrade\"]}",
    ];

    [Fact]
    public void Schema_ItsProperties_AreThoseOfTheRecords() => Same(typeof(ServiceDocument), Json, "document");

    [Fact]
    public void Schema_ADocumentOfEveryField_IsSoundForBoth() => Assert.Equal((true, true), Verdicts(JsonNode.Parse(Whole)!));

    [Fact]
    public void Schema_ADocumentAsTheDeployerWritesIt_IsSound()
    {
        var written = DocumentFormat.Write(ServiceDocument.Create("demo", [new Route(null, "/demo", StripPath: true)])
            .Promote(new Release("d1", "v1", "image@sha256:0", TimeProvider.System.GetUtcNow()))
            .Promote(new Release("d2", "v2", "image@sha256:1", DateTimeOffset.UnixEpoch)));

        Assert.Equal((true, true), Verdicts(JsonNode.Parse(written)!));
    }

    [Fact]
    public void Schema_EachPlaceOfADocumentTakenByEachOddValue_IsJudgedAsTheCodeDoes()
    {
        foreach (var place in Enumerable.Range(0, JsonPlaces.Of(JsonNode.Parse(Whole)!).Count()))
        {
            foreach (var odd in Odd)
                AssertSame(Changed(place, odd));
        }
    }

    [Fact]
    public void Schema_DocumentsChangedInSeveralPlaces_AreJudgedAsTheCodeDoes() =>
        Gen.Select(Gen.Int[0, 150], Gen.Int[0, Odd.Length - 1]).Array[1, 4].Sample(changes =>
        {
            var document = JsonNode.Parse(Whole)!;
            foreach (var (place, odd) in changes)
                document = JsonPlaces.Changed(document, place, Odd[odd]);
            AssertSame(document);
        });

    [Fact]
    public void Schema_EachForbiddenHeader_IsRefusedByBothInAnyCase()
    {
        foreach (var name in HeaderChanges.Forbidden.SelectMany(name => new[] { name, name.ToUpperInvariant(), name.ToLowerInvariant() }))
            Assert.Equal((false, false), Verdicts(JsonNode.Parse(Whole.Replace("\"Server\"", $"\"{name}\"", StringComparison.Ordinal))!));
    }

    private static void AssertSame(JsonNode document)
    {
        // That these two differ is beyond a schema.
        if (Fault(document)?.StartsWith("the split's release is the active one", StringComparison.Ordinal) == true)
            return;
        var (code, schema) = Verdicts(document);
        Assert.True(code == schema, $"the code says {code}, the schema {schema}, of {document.ToJsonString()}: {Fault(document)}");
    }

    private static (bool Code, bool Schema) Verdicts(JsonNode document) =>
        (Fault(document) is null, Schema.Evaluate(JsonSerializer.SerializeToElement(document)).IsValid);

    private static string? Fault(JsonNode document)
    {
        // The key's name is not the schema's business: it is what the document says.
        var name = document is JsonObject known && known["service"] is JsonValue value && value.TryGetValue<string>(out var text) && ServiceName.IsValid(text) ? text : "demo";
        return DocumentFormat.TryRead(name, Encoding.UTF8.GetBytes(document.ToJsonString()), out _);
    }

    private static JsonNode Changed(int place, string value) => JsonPlaces.Changed(JsonNode.Parse(Whole)!, place, value);

    /// <summary>Each public property of the record stands in the schema, and the reverse, and so on into the records below it.</summary>
    private static void Same(Type type, JsonObject schema, string where)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.GetCustomAttribute<JsonIgnoreAttribute>() is not { Condition: JsonIgnoreCondition.Always })
            .ToDictionary(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name), StringComparer.Ordinal);
        var described = schema["properties"]!.AsObject();
        Assert.True(
            properties.Keys.ToHashSet().SetEquals(described.Select(pair => pair.Key)),
            $"{where}: the code has {string.Join(", ", properties.Keys)}, the schema {string.Join(", ", described.Select(pair => pair.Key))}");
        Assert.True(schema["additionalProperties"] is JsonValue closed && !closed.GetValue<bool>(), $"{where}: the schema must be closed");
        foreach (var (name, property) in properties)
        {
            Assert.True(described[name]!["description"] is not null, $"{where}.{name} has no description");
            if (RecordIn(property.PropertyType) is { } record)
                Same(record, Resolved(described[name]!), $"{where}.{name}");
        }
    }

    private static Type? RecordIn(Type type)
    {
        var item = type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments()[^1] : type;
        return item.Assembly == typeof(ServiceDocument).Assembly && item.IsClass ? item : null;
    }

    private static JsonObject Resolved(JsonNode schema) => schema switch
    {
        JsonObject found when found["$ref"] is { } reference => Resolved(Json["$defs"]![reference.GetValue<string>().Split('/')[^1]]!),
        JsonObject found when found["items"] is { } items => Resolved(items),
        JsonObject found when found["anyOf"] is JsonArray any => Resolved(any.Single(one => one!["type"]?.GetValueKind() != JsonValueKind.String || one["type"]!.GetValue<string>() != "null")!),
        JsonObject found => found,
        _ => throw new InvalidOperationException($"no schema of an object: {schema}"),
    };
}
