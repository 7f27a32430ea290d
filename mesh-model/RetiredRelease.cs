using System.Text.Json.Serialization;
using ServiceMesh.Policy;

namespace ServiceMesh;

/// <summary>A release that was active before, with what belongs to it besides its image.</summary>
/// <param name="Deployment">The deployment id.</param>
/// <param name="Version">The name that people use.</param>
/// <param name="Image">The image by digest.</param>
/// <param name="CreatedAt">When the deployment began, UTC.</param>
public sealed record RetiredRelease(string Deployment, string Version, string Image, DateTimeOffset CreatedAt)
    : Release(Deployment, Version, Image, CreatedAt)
{
    /// <summary>The routes that it had; <c>null</c> for those of the release that came after it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Route>? Routes { get; init; }

    /// <summary>The traffic policy that it had; <c>null</c> for that of the release that came after it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrafficPolicy? Traffic { get; init; }

    internal static RetiredRelease Of(Release release, IReadOnlyList<Route> routes, TrafficPolicy traffic) =>
        new(release.Deployment, release.Version, release.Image, release.CreatedAt) { Routes = routes, Traffic = traffic };

    internal Release Again() => new(Deployment, Version, Image, CreatedAt);

    /// <summary>The same releases with nothing left out; <paramref name="routes"/> and <paramref name="traffic"/> are the active one's.</summary>
    internal static IEnumerable<RetiredRelease> Whole(IEnumerable<RetiredRelease> retired, IReadOnlyList<Route> routes, TrafficPolicy traffic)
    {
        foreach (var release in retired)
        {
            (routes, traffic) = (release.Routes ?? routes, release.Traffic ?? traffic);
            yield return release with { Routes = routes, Traffic = traffic };
        }
    }

    /// <summary>The reverse: most releases change neither, and a document is read whole by every proxy after each change.</summary>
    internal static IReadOnlyList<RetiredRelease> Shortened(IEnumerable<RetiredRelease> whole, IReadOnlyList<Route> routes, TrafficPolicy traffic)
    {
        var retired = new List<RetiredRelease>();
        foreach (var release in whole)
        {
            retired.Add(release with
            {
                Routes = release.Routes!.SequenceEqual(routes) ? null : release.Routes,
                Traffic = release.Traffic == traffic ? null : release.Traffic,
            });
            (routes, traffic) = (release.Routes!, release.Traffic!);
        }

        return retired;
    }

    internal IEnumerable<string> Faults() => [.. Routes?.SelectMany(route => route.Faults()) ?? [], .. Traffic?.Faults() ?? []];
}
