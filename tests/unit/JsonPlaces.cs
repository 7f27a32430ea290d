using System.Text.Json.Nodes;

namespace ServiceMesh.Tests.Unit;

/// <summary>Every place of a JSON document at which something else could stand.</summary>
internal static class JsonPlaces
{
    public static IEnumerable<(JsonNode Parent, object Key)> Of(JsonNode? node) => node switch
    {
        JsonObject found => found.SelectMany(pair => Of(pair.Value).Prepend((found, pair.Key))),
        JsonArray found => found.Index().SelectMany(item => Of(item.Item).Prepend((found, item.Index))),
        _ => [],
    };

    /// <summary>Puts a value at the place of that number; beyond the last place it changes nothing.</summary>
    public static JsonNode Changed(JsonNode document, int place, string value)
    {
        var (parent, key) = Of(document).ElementAtOrDefault(place);
        switch (parent)
        {
            case JsonObject found:
                found[(string)key] = JsonNode.Parse(value);
                break;
            case JsonArray found:
                found[(int)key] = JsonNode.Parse(value);
                break;
        }

        return document;
    }
}
