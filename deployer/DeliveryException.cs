using ServiceMesh.Deployer.Manifest;

namespace ServiceMesh.Deployer;

/// <summary>An expected end: what happened and what to do next, in sentences for the person at the terminal.</summary>
internal sealed class DeliveryException(ExitCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode Code { get; } = code;

    /// <summary>Why, without what became of production; the whole message where the two are not told apart.</summary>
    public string Reason { get => field ?? Message; init; }

    /// <summary>The last lines that the candidate or the tests printed, if they explain it.</summary>
    public IReadOnlyList<string> LogTail { get; init; } = [];

    /// <summary>The suites of tests that were run, the last of which rejected it, if that is the reason.</summary>
    public IReadOnlyList<TestRun> Tests { get; init; } = [];

    /// <summary>What is wrong with the manifest, if that is the reason.</summary>
    public IReadOnlyList<ManifestError> ManifestErrors { get; init; } = [];
}
