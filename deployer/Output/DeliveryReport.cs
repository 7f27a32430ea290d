using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer.Output;

/// <summary>The one JSON document of every verb that changes something, however it ends.</summary>
internal sealed record DeliveryReport
{
    public required string Action { get; init; }

    public required int ExitCode { get; init; }

    public string? Error { get; init; }

    public string? Service { get; init; }

    /// <summary>The release that it was about, however it ended; an entry of the history is of the same. Whether it is the one that serves now, <see cref="Active"/> tells.</summary>
    public Release? Release { get; init; }

    /// <summary>The one that was active until then.</summary>
    public Release? Replaced { get; init; }

    /// <summary>The release that is active now; not told where it failed.</summary>
    public Release? Active { get; init; }

    /// <summary>The release that has a share of the traffic beside the active one, and how much that is; not told where it failed.</summary>
    public Split? Split { get; init; }

    /// <summary>The ModifyIndex at which production changed.</summary>
    public ulong? Index { get; init; }

    /// <summary>What was changed where nothing was promoted, in a sentence that follows the service's name.</summary>
    public string? What { get; init; }

    /// <summary>The suites of its tests that have run, whatever it ended with.</summary>
    public IReadOnlyList<TestRun> Tests { get; init; } = [];

    public required double Seconds { get; init; }

    public required IReadOnlyList<PhaseRecord> Phases { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>What is wrong with the manifest, by line.</summary>
    public IReadOnlyList<ManifestError> ManifestErrors { get; init; } = [];

    /// <summary>The last lines that the candidate printed.</summary>
    public IReadOnlyList<string> LogTail { get; init; } = [];
}
