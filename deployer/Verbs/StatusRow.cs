using System.Globalization;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary>One instance, or a release that has none.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Stage">Where it stands.</param>
/// <param name="Version">The release's version name.</param>
/// <param name="Deployment">The deployment id.</param>
/// <param name="Host">The Consul node that it runs on; <c>null</c> for a release without an instance.</param>
/// <param name="Url">The instance's address; <c>null</c> for a release without an instance.</param>
/// <param name="Health">Consul's word; <c>stopped</c> for a release without an instance.</param>
/// <param name="Share">Its share of the service's requests in percent; <c>null</c> where it is not in the traffic.</param>
/// <param name="InFlight">The requests in flight over all proxies; <c>null</c> if no proxy says.</param>
/// <param name="CreatedAt">When its deployment began; <c>null</c> if unknown.</param>
internal sealed record StatusRow(
    string Service,
    Stage Stage,
    string Version,
    string Deployment,
    string? Host,
    string? Url,
    string Health,
    double? Share,
    int? InFlight,
    DateTimeOffset? CreatedAt)
{
    /// <summary>What keeps the requests from it, <c>maintenance</c> or <c>paused</c>; <c>null</c> for nothing, and where it is not in the traffic.</summary>
    public string? Hold { get; init; }

    public static Columns Table(IReadOnlyList<StatusRow> rows, DateTimeOffset now) => new(
        ["SERVICE", "STAGE", "VERSION", "DEPLOYMENT", "HOST", "INSTANCE", "HEALTH", "SHARE", "IN FLIGHT", "AGE"],
        [.. rows.Select(row => row.Cells(now))])
    {
        Next = rows.Any(row => row.Hold is not null)
            ? string.Join('\n', rows.Where(row => row.Hold is not null).Select(row => ShellWords.Join(["deployer", "resume", row.Service])).Distinct())
            : null,
    };

    /// <summary>Whether two answers tell the same but for the requests in flight, which change all the time.</summary>
    public static bool Same(IReadOnlyList<StatusRow> one, IReadOnlyList<StatusRow> other) =>
        one.Select(row => row with { InFlight = null }).SequenceEqual(other.Select(row => row with { InFlight = null }));

    private IReadOnlyList<string> Cells(DateTimeOffset now) =>
    [
        Service,
        StageTag.Of(Stage),
        Version.Length > 0 ? Version : "-",
        CandidateSpec.Short(Deployment),
        Host ?? "-",
        Url ?? "-",
        Health,
        Hold ?? (Share is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share:0.#} %") : "-"),
        InFlight?.ToString() ?? "-",
        CreatedAt is { } created ? AgeText(now - created) : "-",
    ];

    private static string AgeText(TimeSpan age) => age.TotalDays >= 1
        ? $"{(int)age.TotalDays}d{age.Hours}h"
        : DurationText.Write(TimeSpan.FromSeconds(Math.Max(0, Math.Floor(age.TotalSeconds))));
}
