using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>One instance, or a release that has none.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Stage">Where it stands.</param>
/// <param name="Version">The release's version name.</param>
/// <param name="Deployment">The deployment id.</param>
/// <param name="Url">The instance's address; <c>null</c> for a release without an instance.</param>
/// <param name="Health">Consul's word; <c>stopped</c> for a release without an instance.</param>
/// <param name="InFlight">The requests in flight over all proxies; <c>null</c> if no proxy says.</param>
/// <param name="CreatedAt">When its deployment began; <c>null</c> if unknown.</param>
internal sealed record StatusRow(
    string Service, Stage Stage, string Version, string Deployment, string? Url, string Health, int? InFlight, DateTimeOffset? CreatedAt)
{
    public static Columns Table(IReadOnlyList<StatusRow> rows, DateTimeOffset now) => new(
        ["SERVICE", "STAGE", "VERSION", "DEPLOYMENT", "INSTANCE", "HEALTH", "IN FLIGHT", "AGE"],
        [.. rows.Select(row => row.Cells(now))]);

    private IReadOnlyList<string> Cells(DateTimeOffset now) =>
    [
        Service,
        StageTag.Of(Stage),
        Version.Length > 0 ? Version : "-",
        CandidateSpec.Short(Deployment),
        Url ?? "-",
        Health,
        InFlight?.ToString() ?? "-",
        CreatedAt is { } created ? AgeText(now - created) : "-",
    ];

    private static string AgeText(TimeSpan age) => age.TotalDays >= 1
        ? $"{(int)age.TotalDays}d{age.Hours}h"
        : DurationText.Write(TimeSpan.FromSeconds(Math.Max(0, Math.Floor(age.TotalSeconds))));
}
