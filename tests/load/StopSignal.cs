namespace ServiceMesh.Load;

/// <summary>What ends a run of the command: the stop file, or Ctrl+C and SIGTERM.</summary>
internal sealed record StopSignal(FileInfo? StopFile)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends when the first of them happens or when <paramref name="load"/> ends by itself.</summary>
    public async Task WaitAsync(Task load, TimeProvider time, CancellationToken interrupted)
    {
        using PeriodicTimer timer = new(LookEvery, time);
        while (!load.IsCompleted && !Happened && !interrupted.IsCancellationRequested)
            await timer.WaitForNextTickAsync(CancellationToken.None);
    }

    private bool Happened => StopFile is not null && File.Exists(StopFile.FullName);
}
