using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>A route leads to one service; a second claim to it is refused before anything is changed.</summary>
internal static class RouteClaims
{
    /// <summary>Looks for another claim to the routes, early and once more directly before they are taken.</summary>
    /// <exception cref="DeliveryException">There is one.</exception>
    public static async Task RefuseAsync(Mesh mesh, string service, IReadOnlyList<Route> routes, CancellationToken ct)
    {
        if (routes.Count > 0 && Conflict(service, routes, await DocumentsAsync(mesh, ct)) is { } conflict)
            throw new DeliveryException(ExitCode.WrongInput, conflict);
    }

    /// <summary>The look before a promotion, which gives the document or refuses it; <c>null</c> where none of its routes is new.</summary>
    public static Func<Task<ServiceDocument>>? LookAtNew(Mesh mesh, Attempt attempt, ServiceDocument after)
    {
        var taken = New(after.Routes, attempt.Before.Document);
        return taken.Count == 0 ? null : async () =>
        {
            await RefuseAsync(mesh, attempt.Service, taken, attempt.Token);
            return after;
        };
    }

    /// <summary>Those of the routes that a service did not have: what leads to it already nobody else can have taken.</summary>
    public static IReadOnlyList<Route> New(IReadOnlyList<Route> routes, ServiceDocument? before) =>
        [.. routes.Where(route => before?.Routes.Any(had => (had.Host, had.Path) == (route.Host, route.Path)) is not true)];

    /// <summary>What <see cref="Claim"/> looks at.</summary>
    public static Task<DocumentSet> DocumentsAsync(Mesh mesh, CancellationToken ct) =>
        ConsulAnswer.OfAsync(() => mesh.Store.ListAsync(ct), mesh.Time, ct);

    public static string? Conflict(string service, IReadOnlyList<Route> routes, DocumentSet documents) =>
        Claim(service, routes, documents) is { } claim ? $"{claim}; choose another route" : null;

    /// <summary>Which of the routes leads to another service already, in a sentence; <c>null</c> if none does.</summary>
    public static string? Claim(string service, IReadOnlyList<Route> routes, DocumentSet documents) => documents.Services.Values
        .Where(stored => stored.Service != service && stored.Document is not null)
        .OrderBy(stored => stored.Service, StringComparer.Ordinal)
        .SelectMany(stored => stored.Document!.Routes, (stored, taken) => (stored.Service, taken))
        .Where(claim => routes.Any(route => route.Host == claim.taken.Host && route.Path == claim.taken.Path))
        .Select(claim => $"the route {claim.taken.Host}{claim.taken.Path} already leads to the service '{claim.Service}'")
        .FirstOrDefault();
}
