using Microsoft.Extensions.Time.Testing;
using ServiceMesh.RegistrySidecar.Reconciliation;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class WorkQueueTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task Mark_ManyEventsOfOneContainer_AreOnePieceOfWork()
    {
        var queue = new WorkQueue();
        for (var i = 0; i < 1000; i++)
            queue.Mark("a");
        queue.Mark("b");

        await queue.WaitAsync(TimeSpan.FromDays(1), time, TestContext.Current.CancellationToken);

        Assert.Equal(["a", "b"], queue.Take().Containers.Keys.Order());
        Assert.Empty(queue.Take().Containers);
        Assert.False(queue.WaitAsync(TimeSpan.FromDays(1), time, TestContext.Current.CancellationToken).IsCompleted);
    }

    [Fact]
    public void Mark_DieAndStart_TheLastCounts()
    {
        var queue = new WorkQueue();
        var death = new Death(DateTimeOffset.UnixEpoch, 1);
        queue.Mark("restarted", death);
        queue.Mark("restarted");
        queue.Mark("died");
        queue.Mark("died", death);

        var containers = queue.Take().Containers;

        Assert.Null(containers["restarted"].Death);
        Assert.Equal(death, containers["died"].Death);
    }

    [Fact]
    public async Task WaitAsync_NothingHappens_EndsWhenPatienceDoes()
    {
        var queue = new WorkQueue();
        var waiting = queue.WaitAsync(TimeSpan.FromSeconds(30), time, TestContext.Current.CancellationToken);

        time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        await waiting;
        Assert.Empty(queue.Take().Containers);
    }

    [Fact]
    public void Mark_WhileSomebodyWaits_GoesOnAtOnce()
    {
        var queue = new WorkQueue();
        var waiting = queue.WaitAsync(TimeSpan.FromDays(1), time, TestContext.Current.CancellationToken);
        var thread = 0;
        var passing = PassAsync();

        queue.Mark("a");

        Assert.True(passing.IsCompletedSuccessfully);
        Assert.Equal(Environment.CurrentManagedThreadId, thread);

        async Task PassAsync()
        {
            await waiting;
            thread = Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task WaitAsync_Cancelled_EndsAndLosesNothing()
    {
        var queue = new WorkQueue();
        using var stop = new CancellationTokenSource();
        var waiting = queue.WaitAsync(TimeSpan.FromDays(1), time, stop.Token);

        await stop.CancelAsync();
        queue.Mark("a");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Single(queue.Take().Containers);
    }
}
