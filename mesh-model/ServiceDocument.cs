using System.Text.Json.Serialization;
using ServiceMesh.Policy;

namespace ServiceMesh;

/// <summary>The one truth about a service: where its traffic comes in and which release it goes to. Kept in Consul KV, changed by CAS.</summary>
public sealed record ServiceDocument
{
    /// <summary>The version of the document's form that this code reads and writes.</summary>
    public const int CurrentSchema = 1;

    /// <summary>How many retired releases a document remembers.</summary>
    public const int RetiredLimit = 10;

    /// <summary>The version of the document's form.</summary>
    public required int Schema { get; init; }

    /// <summary>The service's name; equal to the last part of the document's key.</summary>
    public required string Service { get; init; }

    /// <summary>The ways that lead to the service.</summary>
    public required IReadOnlyList<Route> Routes { get; init; }

    /// <summary>The release that the traffic goes to; <c>null</c> before the first promotion.</summary>
    public Release? Active { get; init; }

    /// <summary>Releases that were active before, the most recent first, at most <see cref="RetiredLimit"/>.</summary>
    /// <remarks>The generated reader sets what the JSON does not name to null, past the initializer.</remarks>
    public IReadOnlyList<RetiredRelease> Retired { get; init => field = value ?? []; } = [];

    /// <summary>The second release in the traffic and its share; <c>null</c> for none.</summary>
    public Split? Split { get; init; }

    /// <summary>
    /// The ids of instances in the traffic that get no new requests, because they are about to be stopped; <c>null</c> for
    /// none. Over with the next promotion.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Leaving { get; init; }

    /// <summary>How requests are sent to the instances.</summary>
    public TrafficPolicy Traffic { get; init => field = value ?? TrafficPolicy.Default; } = TrafficPolicy.Default;

    /// <summary>Set while requests are held; maintenance goes before it.</summary>
    public Pause? Pause { get; init; }

    /// <summary>Set while requests get 503.</summary>
    public Maintenance? Maintenance { get; init; }

    /// <summary>The release that a rollback returns to; <c>null</c> if there was none.</summary>
    [JsonIgnore]
    public RetiredRelease? Previous => Retired.Count > 0 ? Retired[0] : null;

    /// <summary>Every release that the document names: the active one, the split's, then the retired ones.</summary>
    [JsonIgnore]
    public IEnumerable<Release> Releases => new[] { Active, Split?.Release }.OfType<Release>().Concat(Retired);

    /// <summary>The stage of an instance that belongs to <paramref name="deployment"/>.</summary>
    public Stage StageOf(string deployment) =>
        Active?.Deployment == deployment || Split?.Release.Deployment == deployment ? Stage.Active
        : Retired.Any(release => release.Deployment == deployment) ? Stage.Retired
        : Stage.Candidate;

    /// <summary>The stage of an instance, which is retired before its release is when it is about to be stopped.</summary>
    public Stage StageOf(string deployment, string instance) =>
        StageOf(deployment) is var stage && stage == Stage.Active && Leaving?.Contains(instance) == true ? Stage.Retired : stage;

    /// <summary>The document of a service that has routes and no release yet.</summary>
    public static ServiceDocument Create(string service, IReadOnlyList<Route> routes) =>
        new() { Schema = CurrentSchema, Service = service, Routes = routes };

    /// <summary>
    /// The document after <paramref name="release"/> took over the traffic. What was active becomes the most recent
    /// retired release, with the routes and the traffic policy that it had. Promoting the active release changes only these. A split is
    /// over with it, whichever of its two releases is promoted. Where nothing is said, a split's release and a retired one bring their own
    /// routes and traffic policy.
    /// </summary>
    public ServiceDocument Promote(Release release, IReadOnlyList<Route>? routes = null, TrafficPolicy? traffic = null)
    {
        var retired = RetiredRelease.Whole(Retired, Routes, Traffic);
        var split = Split?.Release.Deployment == release.Deployment ? Split : null;
        var former = retired.FirstOrDefault(one => one.Deployment == release.Deployment);
        var after = this with
        {
            Routes = routes ?? split?.Routes ?? former?.Routes ?? Routes,
            Traffic = traffic ?? split?.Traffic ?? former?.Traffic ?? Traffic,
            Active = release,
            Split = null,
            Leaving = null,
        };
        if (Active is not null && Active.Deployment != release.Deployment)
            retired = retired.Prepend(RetiredRelease.Of(Active, Routes, Traffic));
        return Fitting(after with
        {
            Retired = RetiredRelease.Shortened(retired.Where(one => one.Deployment != release.Deployment).Take(RetiredLimit), after.Routes, after.Traffic),
        });
    }

    // Long routes that change with each release must not fill the document, so that none can be promoted any more. The next
    // split needs room, too.
    private static ServiceDocument Fitting(ServiceDocument document)
    {
        while (document.Retired.Count > 1 && DocumentFormat.Write(document).Length > DocumentFormat.MaxBytes / 2)
            document = document with { Retired = [.. document.Retired.SkipLast(1)] };
        return document;
    }

    /// <summary>
    /// The document after a return to the most recent retired release, or to that of <paramref name="deployment"/>;
    /// <c>null</c> if there is no such release.
    /// </summary>
    public ServiceDocument? Rollback(string? deployment = null)
    {
        var target = deployment is null ? Previous : Retired.FirstOrDefault(release => release.Deployment == deployment);
        return target is null ? null : Promote(target.Again());
    }
}
