using System.Text.Json;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What becomes of one setting; <c>null</c> where there is none.</summary>
internal sealed record PlannedChange(string What, string? Now, string? Then);

/// <summary>What differs in the routes and the traffic policy of two documents. Pure.</summary>
internal static class DocumentChanges
{
    public static IReadOnlyList<PlannedChange> Between(ServiceDocument before, ServiceDocument after)
    {
        var (now, then) = (Settings(before), Settings(after));
        return
        [
            .. now.Keys.Union(then.Keys)
                .Select(what => new PlannedChange(what, now.GetValueOrDefault(what), then.GetValueOrDefault(what)))
                .Where(change => change.Now != change.Then),
        ];
    }

    // By the document's own form, so that a new setting is told without a word here.
    private static Dictionary<string, string> Settings(ServiceDocument document)
    {
        using var json = JsonDocument.Parse(DocumentFormat.Write(document));
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (route, form) in document.Routes.Zip(json.RootElement.GetProperty("routes").EnumerateArray()))
        {
            var name = $"route {route.Host}{route.Path}";
            settings[name] = "leads here";
            foreach (var property in form.EnumerateObject().Where(property => property.Name is not ("host" or "path")))
                Add(settings, $"{name} {property.Name}", property.Value);
        }

        Add(settings, "traffic", json.RootElement.GetProperty("traffic"));
        return settings;
    }

    private static void Add(Dictionary<string, string> settings, string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in value.EnumerateObject())
                Add(settings, $"{name}.{property.Name}", property.Value);
        }
        else if (value.ValueKind != JsonValueKind.Null)
        {
            settings[name] = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        }
    }
}
