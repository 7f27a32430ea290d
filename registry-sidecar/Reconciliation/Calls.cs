namespace ServiceMesh.RegistrySidecar.Reconciliation;

/// <summary>Calls to Docker or Consul, several at a time.</summary>
internal static class Calls
{
    /// <summary>So many are under way at once.</summary>
    public const int AtATime = 16;

    /// <summary>Makes a call for each subject. The usual single one, or none, takes no detour over the thread pool: that takes as long as the call.</summary>
    public static async ValueTask ForEachAsync<T>(
        IReadOnlyList<T> subjects, Func<T, CancellationToken, ValueTask> call, CancellationToken ct)
    {
        if (subjects is [var only])
            await call(only, ct);
        else if (subjects.Count > 0)
            await Parallel.ForEachAsync(subjects, new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = ct }, call);
    }
}
