using System.Text.Json.Serialization;

namespace ServiceMesh;

/// <summary>What was attempted and how it ended; kept under <c>mesh/history/&lt;service&gt;/&lt;n&gt;</c>.</summary>
public sealed record HistoryEntry
{
    /// <summary>How many entries of a service are kept; the oldest makes room for the next one.</summary>
    public const int Limit = 100;

    /// <summary>1 for the service's first entry, then one more each.</summary>
    public required int Number { get; init; }

    /// <summary>The service's name.</summary>
    public required string Service { get; init; }

    /// <summary>The deployer's verb, such as <c>deploy</c>, <c>rollback</c> or <c>pause</c>.</summary>
    public required string Action { get; init; }

    /// <summary>How it ended.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>The reason when it was not promoted, or what was changed, in a sentence.</summary>
    public string? Reason { get; init; }

    /// <summary>Who did it: <c>user@host</c>.</summary>
    public required string Who { get; init; }

    /// <summary>When it ended, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>How long it took, in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>The release that it was about; of a change that is about none, the active one.</summary>
    public required Release Release { get; init; }

    /// <summary>The release that was active until then.</summary>
    public Release? Replaced { get; init; }

    /// <summary>The suites of the service's own tests, as far as they were run.</summary>
    /// <remarks>The generated reader sets what the JSON does not name to null, past the initializer.</remarks>
    [JsonConverter(typeof(TestRunsConverter))]
    public IReadOnlyList<TestRun> Tests { get; init => field = value ?? []; } = [];
}

/// <summary>How an attempt to change a service ended.</summary>
public enum Outcome
{
    /// <summary>The release is active.</summary>
    Promoted,

    /// <summary>The document was changed, and the active release stayed.</summary>
    Changed,

    /// <summary>The service's own tests failed.</summary>
    Rejected,

    /// <summary>The candidate never became healthy; or, a first release, it does badly and has nothing to return to.</summary>
    Unhealthy,

    /// <summary>It had traffic, and was taken out of it again.</summary>
    Reverted,

    /// <summary>Somebody interrupted it, or a part of the mesh went away; production is unchanged.</summary>
    Aborted,
}

/// <summary>One run of a suite of a service's own integration tests against a candidate.</summary>
/// <param name="Image">The tests' image by digest.</param>
/// <param name="ExitCode">The tests' exit code; 0 is passed.</param>
/// <param name="Passed">How many tests passed; <c>null</c> if the tests did not say.</param>
/// <param name="Failed">How many tests failed; <c>null</c> if the tests did not say.</param>
/// <param name="Seconds">How long they ran.</param>
/// <param name="LogTail">The end of what they printed.</param>
/// <param name="Suite">The suite's name; <c>null</c> where the manifest has one suite only.</param>
public sealed record TestRun(string Image, int ExitCode, int? Passed, int? Failed, double Seconds, string LogTail, string? Suite = null);

/// <summary>Who holds a service's lock.</summary>
/// <param name="Who"><c>user@host</c>.</param>
/// <param name="Why">What for, in a few words.</param>
/// <param name="Since">Since when, UTC.</param>
public sealed record LockHolder(string Who, string Why, DateTimeOffset Since);
