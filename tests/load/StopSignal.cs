namespace ServiceMesh.Load;

/// <summary>What ends a run of the command: the stop file, the time, or Ctrl+C and SIGTERM.</summary>
internal sealed record StopSignal(FileInfo? File, TimeSpan? After)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>Ends when the first of them happens or when <paramref name="load"/> ends by itself.</summary>
    public async Task WaitAsync(Task load, TimeProvider time, CancellationToken interrupted)
    {
        long start = time.GetTimestamp();
        using PeriodicTimer timer = new(LookEvery, time);
        while (!load.IsCompleted && !Happened(time.GetElapsedTime(start)) && !interrupted.IsCancellationRequested)
            await timer.WaitForNextTickAsync(CancellationToken.None);
    }

    private bool Happened(TimeSpan elapsed) =>
        elapsed >= After || (File is not null && System.IO.File.Exists(File.FullName));
}
