using Xunit;

namespace ServiceMesh.Tests.Integration;

/// <summary>Waits for a condition, with a deadline.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan? deadline = null)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(deadline ?? TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await condition())
            await timer.WaitForNextTickAsync(late.Token);
    }
}
