using System.Runtime.InteropServices;
using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Snapshots;

/// <summary>
/// Finds the route of a request: the exact host before the longest wildcard before any host, then the longest path prefix;
/// where a host has no route for the path, the next of them is asked. Immutable.
/// </summary>
internal sealed class RoutingTable
{
    private readonly Dictionary<string, ServiceRoutes> services;
    private readonly Dictionary<string, PathTable> exact = new(StringComparer.OrdinalIgnoreCase);
    private readonly WildcardTable wildcards = new();
    private readonly PathTable anyHost = new();
    private readonly Dictionary<string, string> faults = new(StringComparer.Ordinal);

    public static RoutingTable Empty { get; } = new([]);

    private RoutingTable(Dictionary<string, ServiceRoutes> services)
    {
        this.services = services;
        foreach (var target in services.Values.SelectMany(service => service.Targets))
        {
            var kept = PathsOf(target.Route.Host).Add(target);
            if (kept.Loser is { } loser)
                faults[loser.Service] = $"route {loser.Route.Host}{loser.Route.Path} belongs to service '{kept.Owner.Service}' already";
        }
    }

    /// <summary>Why a service is without one of its routes, by service.</summary>
    public IReadOnlyDictionary<string, string> Faults => faults;

    /// <summary>
    /// The table of the given documents; this one where no route changed, as with every promotion. What a route's requests
    /// need is built once, and kept for as long as the route stands. Of two services that claim one route, the first by name
    /// has it and the other's fault is told.
    /// </summary>
    public RoutingTable Follow(IEnumerable<ServiceDocument> documents, TrustedProxies trusted)
    {
        var next = new Dictionary<string, ServiceRoutes>(services.Count, StringComparer.Ordinal);
        var changed = false;
        foreach (var document in documents)
        {
            var before = services.GetValueOrDefault(document.Service);
            var after = ServiceRoutes.Follow(before, document, trusted);
            changed |= !ReferenceEquals(before, after);
            next.Add(document.Service, after);
        }

        return changed || next.Count != services.Count ? new RoutingTable(next) : this;
    }

    /// <summary>The route that leads a request, or <c>null</c> if none does.</summary>
    /// <param name="host">The request's host without port.</param>
    /// <param name="path">The request's path, decoded.</param>
    public RouteTarget? Match(string host, string path)
    {
        // "shop.example." is the same name, spelled to the root (RFC 1034, section 3.1).
        var name = host.EndsWith('.') ? host[..^1] : host;
        return (exact.Count > 0 && exact.TryGetValue(name, out var paths) ? paths.Find(path) : null)
            ?? wildcards.Find(name, path)
            ?? anyHost.Find(path);
    }

    private PathTable PathsOf(string? host)
    {
        if (host is null)
            return anyHost;
        if (host.StartsWith(Route.Wildcard, StringComparison.Ordinal))
            return wildcards.PathsOf(host[1..]);
        if (!exact.TryGetValue(host, out var paths))
            exact[host] = paths = new PathTable();
        return paths;
    }

    /// <summary>A service's routes as they were last built.</summary>
    private sealed record ServiceRoutes(IReadOnlyList<Route> Routes, RouteTarget[] Targets)
    {
        public static ServiceRoutes Follow(ServiceRoutes? before, ServiceDocument document, TrustedProxies trusted) =>
            before is not null && (ReferenceEquals(before.Routes, document.Routes) || before.Routes.SequenceEqual(document.Routes))
                ? before
                : new ServiceRoutes(document.Routes, [.. document.Routes.Select(route => RouteTarget.Of(document.Service, route, trusted))]);
    }
}

/// <summary>The routes of all names below a domain, by domain.</summary>
internal sealed class WildcardTable
{
    private readonly Dictionary<string, PathTable> byDomain = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, PathTable>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private int longest;

    public WildcardTable() => lookup = byDomain.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <param name="domain">The domain with its leading point, <c>.shop.example</c>.</param>
    public PathTable PathsOf(string domain)
    {
        if (!byDomain.TryGetValue(domain, out var paths))
            byDomain[domain] = paths = new PathTable();
        longest = Math.Max(longest, domain.Length);
        return paths;
    }

    // A look-up per label, the longest domain first. Nothing longer than the longest domain is looked up, so that a host of
    // thousands of labels costs no more than any other. A label at least stands before the domain.
    public RouteTarget? Find(ReadOnlySpan<char> host, string path)
    {
        if (byDomain.Count == 0 || host.Length < 2)
            return null;
        var rest = host[Math.Max(1, host.Length - longest)..];
        while (rest.IndexOf('.') is >= 0 and var point)
        {
            rest = rest[point..];
            if (lookup.TryGetValue(rest, out var paths) && paths.Find(path) is { } target)
                return target;
            rest = rest[1..];
        }

        return null;
    }
}

/// <summary>The routes of one host, by path prefix.</summary>
internal sealed class PathTable
{
    // Most hosts have one route, of all paths; thousands of them are built anew when one changes.
    private RouteTarget? ofAll;
    private Prefixes? prefixes;

    /// <returns>Who has the route then, and which other service goes without.</returns>
    public (RouteTarget Owner, RouteTarget? Loser) Add(RouteTarget target)
    {
        ref var taken = ref target.Route.Path == "/" ? ref ofAll : ref (prefixes ??= new Prefixes()).At(target.Route.Path);
        var before = taken;
        if (before is null || string.CompareOrdinal(before.Service, target.Service) > 0)
        {
            taken = target;
            return (target, before);
        }

        return (before, before.Service == target.Service ? null : target);
    }

    public RouteTarget? Find(ReadOnlySpan<char> path) => prefixes?.Find(path) ?? ofAll;

    private sealed class Prefixes
    {
        private readonly Dictionary<string, RouteTarget?> byPrefix = new(StringComparer.Ordinal);
        private readonly Dictionary<string, RouteTarget?>.AlternateLookup<ReadOnlySpan<char>> lookup;
        private int longest;

        public Prefixes() => lookup = byPrefix.GetAlternateLookup<ReadOnlySpan<char>>();

        public ref RouteTarget? At(string prefix)
        {
            longest = Math.Max(longest, prefix.Length);
            return ref CollectionsMarshal.GetValueRefOrAddDefault(byPrefix, prefix, out _);
        }

        // A look-up per segment, from the whole path down to the root. Nothing longer than the longest prefix is looked up, so
        // that a request with thousands of segments costs no more than any other.
        public RouteTarget? Find(ReadOnlySpan<char> path)
        {
            var rest = path.Length > longest ? path[..Cut(path[..(longest + 1)])] : path;
            while (!rest.IsEmpty)
            {
                if (lookup.TryGetValue(rest, out var target))
                    return target;
                rest = rest[..Cut(rest)];
            }

            return null;
        }

        private static int Cut(ReadOnlySpan<char> path) => Math.Max(0, path.LastIndexOf('/'));
    }
}
