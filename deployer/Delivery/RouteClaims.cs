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

    /// <summary>What <see cref="Claim"/> looks at.</summary>
    public static Task<DocumentSet> DocumentsAsync(Mesh mesh, CancellationToken ct) =>
        ConsulAnswer.OfAsync(() => mesh.Store.ListAsync(ct), mesh.Time, ct);

    public static string? Conflict(string service, IReadOnlyList<Route> routes, DocumentSet documents) =>
        Claim(service, routes, documents) is { } claim ? $"{claim}; choose another in the manifest" : null;

    /// <summary>Which of the routes leads to another service already, in a sentence; <c>null</c> if none does.</summary>
    public static string? Claim(string service, IReadOnlyList<Route> routes, DocumentSet documents) => documents.Services.Values
        .Where(stored => stored.Service != service && stored.Document is not null)
        .OrderBy(stored => stored.Service, StringComparer.Ordinal)
        .SelectMany(stored => stored.Document!.Routes, (stored, taken) => (stored.Service, taken))
        .Where(claim => routes.Any(route => route.Host == claim.taken.Host && route.Path == claim.taken.Path))
        .Select(claim => $"the route {claim.taken.Host}{claim.taken.Path} already leads to the service '{claim.Service}'")
        .FirstOrDefault();
}
