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

    /// <summary>What was tried, as far as it had come; <c>null</c> where nothing had begun.</summary>
    public Tried? Tried { get; set; }

    /// <summary>What is wrong with the manifest, if that is the reason.</summary>
    public IReadOnlyList<ManifestError> ManifestErrors { get; init; } = [];
}

/// <summary>What an attempt was about that failed.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Release">The release, as far as it was known; <c>null</c> for none.</param>
/// <param name="Tests">The suites of its tests that have run.</param>
internal sealed record Tried(string Service, Release? Release, IReadOnlyList<TestRun> Tests);
