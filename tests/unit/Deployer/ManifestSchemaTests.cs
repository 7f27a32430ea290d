using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

/// <summary>The published schema of service.yaml and the code that reads it say the same.</summary>
public sealed class ManifestSchemaTests
{
    private const string Stranger = "qqqqqqqqqqqqqqqqqqqqqqqq";

    private static readonly string Text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "service.schema.json"));
    private static readonly JsonSchema Schema = JsonSchema.FromText(Text);

    // JSON is YAML, so the reader reads it. Every key there is, once.
    private const string Whole = """
        {"name":"demo","image":"localhost:5000/demo:v1","port":8080,"replicas":2,"hosts":["prod-1"],"environment":{"A":"1","B":2,"C":true,"D":null},"secrets":{"S":null,"T":{"env":"OTHER"},"U":{"file":"u.txt"}},"resources":{"cpus":0.5,"memory":"256M"},
         "routes":[
          {"host":"*.shop.example","path":"/demo/x","strip":true,"timeout":"1m30s","max-body":"10M","upstream":"h2c",
           "request-headers":{"set":{"X-A":"1 2","X-N":5},"remove":["X-B"]},"response-headers":{"remove":["Server"]}},
          {"path":"/"}],
         "health":{"http":"/health","tcp":false,"interval":"1s","timeout":"500ms","healthy-for":"2s","deadline":"1m30s"},
         "tests":[{"name":"smoke","image":"localhost:5000/demo-tests","environment":{"USERS":"5"},"secrets":{"S":null,"T":{"env":"OTHER"}},"timeout":"2m","on":"ci","through":"proxy"},{"name":"load","image":"localhost:5000/demo-load"}],
         "traffic":{"balance":"least-requests","sticky":true,"retries":{"attempts":2,"budget":"20%"},
           "concurrency":{"per-instance":100,"queue":10,"wait":"1s"},
           "probe":{"path":"/health?x=1","interval":"5s","timeout":"500ms","failures":3,"successes":1},
           "passive":{"failures":5,"error-share":"50%","minimum":20,"window":"10s","ejection":"1m"},"slow-start":"30s"},
         "strategy":{"canary":{"steps":["12.5%","50%"],"bake":"1m","minimum":100,"error-share":"1%","p99-ratio":1.5,"synthetic":"/health"}},
         "watch":{"for":"30s","error-share":"5%","minimum":20},
         "drain":"30s","keep":1,"warm":1}
        """;

    // What excludes each other does not fit into one.
    private const string Least = """{"name":"demo","image":"demo:v1","port":1,"routes":[{"path":"/"}]""";

    private static readonly string[] Manifests =
    [
        Whole,
        Least + ""","tests":{"image":"demo-tests"},"health":{"tcp":true}}""",
        Least + ""","strategy":{"rolling":{"batch":2,"bake":"30s","minimum":100,"error-share":"1%","p99-ratio":2,"synthetic":"/health"}}}""",
        Least + ""","strategy":{"ab":{"share":"10%","header":{"name":"X-Beta","value":"yes"},"cookie":{"name":"beta","value":"on"}}}}""",
    ];

    // What stands in a manifest's place now and then: nothing, the wrong kind, and what is nearly right.
    private static readonly string[] Odd =
    [
        "null", "true", "false", "0", "-1", "1", "51", "1.5", "1000001", "\"\"", "[]", "{}", "[null]", "[{}]", "{\"x\":1}", "{\"X-A\":null}", "{\"a=b\":1}", "\"x\"", "\"/x\"", "\"x/\"", "\"/x/\"",
        "\"/services\"", "\"/Services/x\"", "\"/services-old\"", "\"/a/../b\"", "\"/..a/.b.\"", "\"/a//b\"", "\"/a b\"", "\"/%2e\"", "\"/ä\"", "\"/a\\u0007\"", "\"/a\\nb\"", "\"/a#b\"",
        "\"*.a\"", "\"*\"", "\"a.b\"", "\"A.b\"", "\"a.b:80\"", "\"a..b\"", "\"-a.b\"", "\"10.0.0.1\"", "\"1s\"", "\"1.5s2ms\"", "\"0s\"", "\"2ms1h\"", "\"1\"", "\"0\"", "\"1 s\"",
        "\"http\"", "\"HTTP\"", "\"h2\"", "\"h3\"", "\"random\"", "\"Random\"", "\"TE\"", "\"te-x\"", "\"Content-length\"", "\"X A\"", "\" x\"", "\"x \"", "\"a\\r\\nb\"",
        "\"5%\"", "\"100%\"", "\"0%\"", "\"101%\"", "\"1.5.5%\"", "\"NaN%\"", "\"-Infinity%\"", "\"Infinity%\"", "\"-5%\"", "\"NaN\"", "\"%\"", "\"5\"", "\"10K\"", "\"10KB\"", "\"a/b:c\"", "\"A/b\"", "\"b/A\"", "\"a@sha256:0\"", "\"a:\"", "\"a:-b\"", "\"h:5/a_b:1.0\"",
        "{\"set\":{\"keep-alive\":\"1\"}}", "{\"set\":{\"X-C\":\"ä\"}}", "{\"set\":{\"X-C\":\"c\"},\"remove\":[\"X-D\"]}", "{\"remove\":[\"Upgrade\"]}", "{\"set\":null,\"remove\":null}",
    ];

    // What two values mean together, and the limits of durations.
    private static readonly string[] BeyondASchema =
    [
        "must be at least", "must be at most", "from 0 to 0", "must be longer than healthy-for", "is already a route", "is named twice", "is already the name of a suite", "is in environment too", "each step must be larger",
        "slow-start", "drain: ", "concurrency.wait", "probe.interval", "probe.timeout", "passive.window", "passive.ejection", "passive.error-share",
    ];

    [Fact]
    public void Schema_ManifestsOfEveryKey_AreSoundForBoth() => Assert.All(Manifests, manifest =>
    {
        Assert.Empty(Errors(JsonNode.Parse(manifest)!));
        Assert.True(IsValid(JsonNode.Parse(manifest)!));
    });

    [Fact]
    public void Schema_ItsKeys_AreThoseOfTheReader()
    {
        var read = Manifests.SelectMany(whole => Enumerable.Range(0, Objects(JsonNode.Parse(whole)!).Count()).Select(number => KnownAt(whole, number)));
        var described = Objects(JsonNode.Parse(Text)!)
            .Where(part => part["additionalProperties"] is JsonValue closed && closed.GetValueKind() == JsonValueKind.False)
            .Select(part => part["properties"]!.AsObject().Select(property => property.Key).Order(StringComparer.Ordinal));

        Assert.Equal(Told(read.OfType<IEnumerable<string>>()), Told(described));
    }

    [Fact]
    public void Schema_EachKey_IsDescribed() => Assert.All(
        Objects(JsonNode.Parse(Text)!).Where(part => part["properties"] is JsonObject && part["additionalProperties"] is not null).SelectMany(part => part["properties"]!.AsObject()),
        property => Assert.True(property.Value!["description"] is not null, property.Key));

    [Fact]
    public void Schema_EachPlaceOfAManifestTakenByEachOddValue_IsJudgedAsTheReaderDoesAndAProxyReadsWhatItTakes()
    {
        foreach (var whole in Manifests)
        {
            foreach (var place in Enumerable.Range(0, JsonPlaces.Of(JsonNode.Parse(whole)!).Count()))
            {
                foreach (var odd in Odd)
                    AssertSame(whole, place, odd);
            }
        }
    }

    [Theory]
    [InlineData("${NAME}")]
    [InlineData("${PORT:-8080}")]
    public void Schema_AVariable_MayStandInThePlaceOfAnyScalar(string variable)
    {
        foreach (var place in Enumerable.Range(0, JsonPlaces.Of(JsonNode.Parse(Whole)!).Count()))
        {
            var (parent, key) = JsonPlaces.Of(JsonNode.Parse(Whole)!).ElementAt(place);
            var value = parent is JsonObject named ? named[(string)key] : parent[(int)key];
            if (value is JsonValue)
                Assert.True(IsValid(JsonPlaces.Changed(JsonNode.Parse(Whole)!, place, $"\"{variable}\"")), $"{key}");
        }
    }

    [Fact]
    public void Init_ItsManifest_IsSoundForTheReader()
    {
        ImageReference.TryParse("localhost:5000/shop/recommendation_service.net:v1", out var image);
        var (text, port) = ManifestTemplate.Of(image!, ["9090/tcp", "53/udp", "8080/tcp"]);

        var result = ManifestReader.Read(text, _ => null);

        Assert.Empty(result.Errors);
        Assert.Equal(("recommendation-service-net", 8080, 8080), (result.Manifest!.Name, result.Manifest.Port, port));
        Assert.Equal(new ImageReference("localhost:5000/shop/recommendation_service.net", null), result.Manifest.Image);
        Assert.Contains("the image exposes 9090 too", text, StringComparison.Ordinal);
    }

    // The proxy answers /services itself.
    [Theory]
    [InlineData("acme/services:v1", "/services-app")]
    [InlineData("acme/service:v1", "/service")]
    public void Init_AnImageNamedLikeAPathOfTheProxys_HasAnotherPath(string name, string path)
    {
        ImageReference.TryParse(name, out var image);

        var result = ManifestReader.Read(ManifestTemplate.Of(image!, []).Text, _ => null);

        Assert.Empty(result.Errors);
        Assert.Equal(path, Assert.Single(result.Manifest!.Routes).Path);
    }

    // What the reader calls known where a stranger stands in one of the manifest's mappings; null where it takes every name.
    private static IEnumerable<string>? KnownAt(string whole, int number)
    {
        var manifest = JsonNode.Parse(whole)!;
        Objects(manifest).ElementAt(number)[Stranger] = 1;
        Assert.True(Errors(manifest).Length == 0 || !IsValid(manifest), $"only the schema takes an unknown key: {Errors(manifest).FirstOrDefault()}");
        return Errors(manifest).FirstOrDefault(error => error.StartsWith("unknown key", StringComparison.Ordinal))?.Split("known here: ")[1].Split(", ").Order(StringComparer.Ordinal);
    }

    private static void AssertSame(string whole, int place, string odd)
    {
        var usual = JsonPlaces.Of(JsonNode.Parse(whole)!).Select(at => at.Parent is JsonObject named ? named[(string)at.Key] : at.Parent[(int)at.Key]).ElementAt(place);
        var manifest = JsonPlaces.Changed(JsonNode.Parse(whole)!, place, odd);
        var read = ManifestReader.Read(manifest.ToJsonString(), _ => null);
        string[] errors = [.. read.Errors.Select(error => error.Message)];
        var valid = IsValid(manifest);
        var where = $"{odd} in the place of {usual?.ToJsonString()}: {string.Join("; ", errors)}";
        if (valid)
            Assert.True(errors.All(error => BeyondASchema.Any(error.Contains)), $"only the schema takes {where}");
        // Every scalar of YAML is a text to the reader; an editor had better be told of the usual kind alone.
        else
            Assert.True(errors.Length > 0 || Kind(usual) != Kind(JsonNode.Parse(odd)), $"only the reader takes {where}");
        if (read.Manifest is { } sound && DocumentFault(sound) is { } fault)
            Assert.Fail($"a proxy sets aside what the reader takes: {fault}: {where}");
    }

    // By the rules by which a proxy reads: what it refuses, 'deployer validate' refuses.
    private static string? DocumentFault(ServiceManifest manifest)
    {
        var document = ServiceDocument.Create(manifest.Name, manifest.Routes)
            .Promote(new Release("d1", "v1", "image@sha256:0", DateTimeOffset.UnixEpoch), manifest.Routes, manifest.Traffic);
        return DocumentFormat.TryRead(manifest.Name, DocumentFormat.Write(document), out _);
    }

    private static string[] Errors(JsonNode manifest) => [.. ManifestReader.Read(manifest.ToJsonString(), _ => null).Errors.Select(error => error.Message)];

    private static bool IsValid(JsonNode manifest) => Schema.Evaluate(JsonSerializer.SerializeToElement(manifest)).IsValid;

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject found => found.SelectMany(pair => Objects(pair.Value)).Prepend(found),
        JsonArray found => found.SelectMany(Objects),
        _ => [],
    };

    private static IEnumerable<string> Told(IEnumerable<IEnumerable<string>> keys) => keys.Select(names => string.Join(", ", names)).Distinct().Order(StringComparer.Ordinal);

    private static JsonValueKind Kind(JsonNode? value) => value?.GetValueKind() switch
    {
        null => JsonValueKind.Null,
        JsonValueKind.False => JsonValueKind.True,
        var kind => kind.Value,
    };
}
