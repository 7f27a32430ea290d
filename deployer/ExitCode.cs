namespace ServiceMesh.Deployer;

/// <summary>What the process says by its exit code; documented to users in <see cref="ExitCodes.Help"/> and the README.</summary>
internal enum ExitCode
{
    Done = 0,
    WrongInput = 1,
    Rejected = 2,
    Unhealthy = 3,
    Locked = 4,
    Unreachable = 5,
    Reverted = 6,
    Interrupted = 130,
}

internal static class ExitCodes
{
    public static IReadOnlyList<(ExitCode Code, string Meaning)> All { get; } =
    [
        (ExitCode.Done, "done"),
        (ExitCode.WrongInput, "wrong use, an invalid manifest, or an image that does not fit it"),
        (ExitCode.Rejected, "rejected by the tests; production unchanged"),
        (ExitCode.Unhealthy, "the candidate never became healthy; production unchanged"),
        (ExitCode.Locked, "locked by another, or the lock was lost; production unchanged, unless it says what still has traffic"),
        (ExitCode.Unreachable, "Consul, Docker or the image registry cannot be reached, or fails by itself; production unchanged, unless it says what still has traffic"),
        (ExitCode.Reverted, "promoted, in whole or to a share of the traffic, then reverted; a first release that does badly has nothing to return to, and stays"),
        (ExitCode.Interrupted, "interrupted; production unchanged"),
    ];

    public static string Help { get; } =
        "Exit codes:\n" + string.Join('\n', All.Select(entry => $"  {(int)entry.Code,3}  {entry.Meaning}"));
}
