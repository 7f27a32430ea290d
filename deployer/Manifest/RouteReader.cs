namespace ServiceMesh.Deployer.Manifest;

/// <summary>Reads the <c>routes</c> of a manifest; the rules are the document's own.</summary>
internal static class RouteReader
{
    private static readonly string[] Keys =
        ["host", "path", "strip", "request-headers", "response-headers", "timeout", "max-body", "upstream"];

    private static readonly string[] HeaderKeys = ["set", "remove"];

    // Each property of a route with the key that it is read from.
    private static readonly Dictionary<string, string> KeyOf = new(StringComparer.Ordinal)
    {
        [nameof(Route.Host)] = "host",
        [nameof(Route.Path)] = "path",
        [nameof(Route.RequestHeaders)] = "request-headers",
        [nameof(Route.ResponseHeaders)] = "response-headers",
        [nameof(Route.Timeout)] = "timeout",
        [nameof(Route.MaxBody)] = "max-body",
    };

    public static List<Route> Read(Section root)
    {
        var routes = new List<Route>();
        if (!root.Has("routes"))
            root.Required("routes", "the ways that lead to the service, such as '- path: /demo'");
        foreach (var entry in root.Items("routes", Keys))
        {
            var route = RouteOf(entry);
            if (!entry.Has("path") && route.Host is null)
                entry.Fault("path", "a route needs a path, a host, or both");
            foreach (var fault in route.FaultsByField())
                entry.Fault(KeyOf[fault.Field], fault.Message);
            if (routes.Any(other => other.Host == route.Host && other.Path == route.Path))
                entry.Fault("path", $"'{route.Host}{route.Path}' is already a route of this service");
            routes.Add(route);
        }

        return routes;
    }

    private static Route RouteOf(Section entry)
    {
        var host = entry.Text("host");
        return new Route(string.IsNullOrEmpty(host) ? null : host, entry.Text("path") ?? "/", entry.Flag("strip", false))
        {
            RequestHeaders = Headers(entry, "request-headers"),
            ResponseHeaders = Headers(entry, "response-headers"),
            Timeout = entry.Has("timeout") ? entry.Duration("timeout", Route.DefaultTimeout, TimeSpan.FromMilliseconds(1)) : null,
            MaxBody = entry.Bytes("max-body"),
            Upstream = Upstream(entry),
        };
    }

    // What is wrong with one header is told by its own line, and not once more with the route.
    private static HeaderChanges? Headers(Section entry, string key)
    {
        if (entry.Child(key, HeaderKeys) is not { } headers)
            return null;
        return new HeaderChanges
        {
            Set = headers.Values("set", HeaderChanges.Fault),
            Remove = headers.List("remove", HeaderChanges.Fault),
        };
    }

    private static UpstreamProtocol Upstream(Section entry)
    {
        switch (entry.Text("upstream"))
        {
            case null or "http":
                return UpstreamProtocol.Http;
            case "h2":
                return UpstreamProtocol.H2;
            case "h2c":
                return UpstreamProtocol.H2c;
            case var text:
                entry.Fault("upstream", $"'{text}' must be http, h2 or h2c");
                return default;
        }
    }
}
