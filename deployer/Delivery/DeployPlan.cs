using System.Globalization;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a deployment would change, and what it would do with the containers that there are. Pure.</summary>
/// <param name="Index">The index of the service's document that it is made for; 0 for none yet.</param>
/// <param name="Image">The image that would run, by digest.</param>
/// <param name="Changes">The release's settings, and what changes in the document.</param>
/// <param name="Stopped">The containers that would be stopped and kept for a rollback.</param>
/// <param name="Removed">Those that would be gone.</param>
internal sealed record DeployPlan(
    ulong Index, string Image, IReadOnlyList<PlannedChange> Changes, IReadOnlyList<string> Stopped, IReadOnlyList<string> Removed)
{
    public static DeployPlan Of(
        ServiceManifest manifest, Release release, StoredDocument? stored, IReadOnlyList<OwnContainer> containers)
    {
        var before = stored?.Document ?? ServiceDocument.Create(manifest.Name, []);
        var active = before.Active;
        // An A/B release stays beside the active one, of which nothing goes and nothing changes.
        var beside = active is not null && manifest.Strategy.Ab is not null;
        var after = beside ? before : before.Promote(release, manifest.Routes, manifest.Traffic);
        var releases = containers.Where(container => !container.IsTests).ToArray();
        var retirement = beside ? new Retirement([], []) : Housekeeping.Retire(after, releases, new Retention(manifest.Keep, manifest.Warm));
        var running = releases.Count(container => container.Running && container.Deployment == active?.Deployment);
        string Then(string value, string? now) => beside ? $"{now}, and {value} beside it" : value;
        var held = Holding.Sentence(before);
        return new DeployPlan(
            stored?.Index ?? 0,
            release.Image,
            [
                new PlannedChange("version", active?.Version, Then(release.Version, active?.Version)),
                new PlannedChange("image", active?.Image, Then(release.Image, active?.Image)),
                new PlannedChange("replicas", active is null ? null : Number(running), Then(Number(manifest.Replicas), Number(running))),
                new PlannedChange("tests", null, manifest.Tests.Count == 0 ? "none" : string.Join(", ", manifest.Tests.Select(suite => suite.Image))),
                new PlannedChange("strategy", null, Strategy(manifest, release, before)),
                .. held is null ? [] : new[] { new PlannedChange("requests", held, held) },
                .. DocumentChanges.Between(before, after),
            ],
            Names(retirement.Stop),
            Names(retirement.Remove.Union(Housekeeping.Leftovers(after, containers))));
    }

    private static string Strategy(ServiceManifest manifest, Release release, ServiceDocument before) => manifest.Strategy switch
    {
        { Canary: { } canary } when before.Active is not null =>
            $"canary: {string.Join(", ", canary.Steps.Select(step => string.Create(CultureInfo.InvariantCulture, $"{step} %")))}, then all; {DurationText.Write(canary.Bake)} each",
        { Rolling: { } rolling } when before.Active is not null && manifest.Replicas <= rolling.Batch =>
            $"rolling: all at once, for its {(manifest.Replicas == 1 ? "1 replica is" : $"{manifest.Replicas} replicas are")} one batch",
        { Rolling: { } rolling } when before.Active is not null => $"rolling: {rolling.Batch} at a time{(rolling.Bake > TimeSpan.Zero ? $"; {DurationText.Write(rolling.Bake)} each" : ", none of them observed")}",
        { Ab: { } ab } when before.Active is not null && SplitChange.Of(manifest, release, before) is var split =>
            $"A/B: {SplitChange.Describe(split with { Share = ab.Share, Header = ab.Header, Cookie = ab.Cookie })}, until it is promoted or aborted"
            + (split.Routes is null ? "" : "; its routes and traffic settings wait for its promotion"),
        _ => "all at once",
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Names(IEnumerable<OwnContainer> containers) => [.. containers.Select(container => container.Name)];
}
