namespace ServiceMesh.Proxy.Snapshots;

/// <summary>Finds the service of a request: the exact host before any host, then the longest path prefix. Immutable.</summary>
internal sealed class RoutingTable
{
    private readonly Dictionary<string, PathTable> byHost = new(StringComparer.OrdinalIgnoreCase);
    private readonly PathTable anyHost = new();
    private readonly Dictionary<string, string> faults = new(StringComparer.Ordinal);

    public static RoutingTable Empty { get; } = Build([]);

    private RoutingTable()
    {
    }

    /// <summary>Why a service is without one of its routes, by service.</summary>
    public IReadOnlyDictionary<string, string> Faults => faults;

    /// <summary>Builds the table. Of two services that claim one route, the first by name has it and the other's fault is told.</summary>
    public static RoutingTable Build(IEnumerable<ServiceDocument> documents)
    {
        var table = new RoutingTable();
        foreach (var document in documents.OrderBy(document => document.Service, StringComparer.Ordinal))
        {
            foreach (var route in document.Routes)
            {
                var owner = table.PathsOf(route.Host).Add(route, document.Service);
                if (owner != document.Service)
                    table.faults[document.Service] = $"route {route.Host}{route.Path} belongs to service '{owner}' already";
            }
        }

        return table;
    }

    /// <summary>The route that leads a request, or <c>null</c> if none does.</summary>
    /// <param name="host">The request's host without port.</param>
    /// <param name="path">The request's path, decoded.</param>
    public RouteTarget? Match(string host, string path) =>
        (byHost.Count > 0 && byHost.TryGetValue(host, out var paths) ? paths.Find(path) : null) ?? anyHost.Find(path);

    private PathTable PathsOf(string? host)
    {
        if (host is null)
            return anyHost;
        if (!byHost.TryGetValue(host, out var paths))
            byHost[host] = paths = new PathTable();
        return paths;
    }
}

/// <summary>Where a route leads.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Prefix">The path prefix to take off; empty for none.</param>
internal sealed record RouteTarget(string Service, string Prefix);

/// <summary>The routes of one host, by path prefix.</summary>
internal sealed class PathTable
{
    private readonly Dictionary<string, RouteTarget> byPrefix = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteTarget>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private int longest;

    public PathTable() => lookup = byPrefix.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <returns>The service that has the route: the given one, or the one that had it before.</returns>
    public string Add(Route route, string service)
    {
        var prefix = route.Path == "/" ? "" : route.Path;
        if (byPrefix.TryGetValue(prefix, out var taken))
            return taken.Service;
        byPrefix[prefix] = new RouteTarget(service, route.StripPath ? prefix : "");
        longest = Math.Max(longest, prefix.Length);
        return service;
    }

    // A look-up per segment, from the whole path down to the root. Nothing longer than the longest prefix is looked up, so
    // that a request with thousands of segments costs no more than any other.
    public RouteTarget? Find(ReadOnlySpan<char> path)
    {
        var rest = path.Length > longest ? path[..Cut(path[..(longest + 1)])] : path;
        while (true)
        {
            if (lookup.TryGetValue(rest, out var target))
                return target;
            if (rest.IsEmpty)
                return null;
            rest = rest[..Cut(rest)];
        }
    }

    private static int Cut(ReadOnlySpan<char> path) => Math.Max(0, path.LastIndexOf('/'));
}
