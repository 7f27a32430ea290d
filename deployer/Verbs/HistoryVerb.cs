using System.CommandLine;
using ServiceMesh.Deployer.Delivery;
using ServiceMesh.Deployer.Output;

namespace ServiceMesh.Deployer.Verbs;

/// <summary><c>deployer history demo</c></summary>
internal static class HistoryVerb
{
    private static readonly Argument<string> Service = ServiceArgument.Create();

    public static Command Create()
    {
        var command = new VerbCommand(
            "history",
            "Tells what was attempted and how it ended, the oldest first.",
            "deployer history demo --json")
        {
            Service,
        };
        command.SetAction((parse, ct) => VerbRunner.TellAsync(
            parse,
            (mesh, _, token) => ReadAsync(mesh, ServiceArgument.Of(parse, Service), token),
            json => json.IReadOnlyListHistoryEntry,
            Table,
            ct));
        return command;
    }

    private static async Task<IReadOnlyList<HistoryEntry>> ReadAsync(Mesh mesh, string service, CancellationToken ct) =>
        await mesh.Store.HistoryAsync(service, ct) is { Count: > 0 } entries
            ? entries
            : throw new DeliveryException(ExitCode.WrongInput, $"'{service}' has no history: nothing was ever deployed under that name. 'deployer status' has the names that there are");

    public static Columns Table(IReadOnlyList<HistoryEntry> entries) => new(
        ["N", "WHEN (UTC)", "ACTION", "VERSION", "OUTCOME", "TESTS", "WHO", "SECONDS", "REASON"],
        [.. entries.Select(Cells)]);

    private static IReadOnlyList<string> Cells(HistoryEntry entry) =>
    [
        entry.Number.ToString(),
        entry.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss"),
        entry.Action,
        entry.Release.Version,
        entry.Outcome.ToString().ToLowerInvariant(),
        entry.Tests.Count == 0 ? "-" : $"{Sum(entry.Tests, run => run.Passed)} passed, {Sum(entry.Tests, run => run.Failed)} failed",
        entry.Who,
        entry.Seconds.ToString("0.0"),
        entry.Reason ?? "",
    ];

    // One suite that did not say is enough for nobody to know.
    private static string Sum(IReadOnlyList<TestRun> runs, Func<TestRun, int?> count) =>
        runs.All(run => count(run) is not null) ? runs.Sum(count).ToString()! : "?";
}
