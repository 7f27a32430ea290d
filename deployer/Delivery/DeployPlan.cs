using System.Globalization;
using ServiceMesh.Deployer.Manifest;
using ServiceMesh.Store;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>What a deployment would change, and what it would do with the containers that there are. Pure.</summary>
/// <param name="Index">The index of the service's document that it is made for; 0 for none yet.</param>
/// <param name="Changes">The release's settings, and what changes in the document.</param>
/// <param name="Stopped">The containers that would be stopped and kept for a rollback.</param>
/// <param name="Removed">Those that would be gone.</param>
internal sealed record DeployPlan(
    ulong Index, IReadOnlyList<PlannedChange> Changes, IReadOnlyList<string> Stopped, IReadOnlyList<string> Removed)
{
    public static DeployPlan Of(
        ServiceManifest manifest, Release release, StoredDocument? stored, IReadOnlyList<OwnContainer> containers)
    {
        var before = stored?.Document ?? ServiceDocument.Create(manifest.Name, []);
        var after = before.Promote(release, manifest.Routes, manifest.Traffic);
        var retirement = Housekeeping.Retire(after, containers, new Retention(manifest.Keep, manifest.Warm));
        var active = before.Active;
        var running = containers.Count(container => container.Running && container.Deployment == active?.Deployment);
        return new DeployPlan(
            stored?.Index ?? 0,
            [
                new PlannedChange("version", active?.Version, release.Version),
                new PlannedChange("image", active?.Image, release.Image),
                new PlannedChange("replicas", active is null ? null : Number(running), Number(manifest.Replicas)),
                new PlannedChange("tests", null, manifest.Tests.Count == 0 ? "none" : string.Join(", ", manifest.Tests.Select(suite => suite.Image))),
                new PlannedChange("strategy", null, Strategy(manifest, release, active)),
                .. DocumentChanges.Between(before, after),
            ],
            Names(retirement.Stop),
            Names(retirement.Remove.Union(Housekeeping.Leftovers(after, containers))));
    }

    private static string Strategy(ServiceManifest manifest, Release release, Release? active) => manifest.Strategy switch
    {
        { Canary: { } canary } when active is not null =>
            $"canary: {string.Join(", ", canary.Steps.Select(step => string.Create(CultureInfo.InvariantCulture, $"{step} %")))}, then all; {DurationText.Write(canary.Bake)} each",
        { Rolling: { } rolling } when active is not null => $"rolling: {rolling.Batch} at a time{(rolling.Bake > TimeSpan.Zero ? $"; {DurationText.Write(rolling.Bake)} each" : ", none of them observed")}",
        { Ab: { } ab } when active is not null => $"A/B: {SplitChange.Describe(new Split(release, ab.Share, ab.Header, ab.Cookie))}, until it is promoted or aborted",
        _ => "all at once",
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string[] Names(IEnumerable<OwnContainer> containers) => [.. containers.Select(container => container.Name)];
}
