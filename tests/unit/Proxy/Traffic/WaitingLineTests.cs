using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Traffic.Waiting;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class WaitingLineTests
{
    private readonly WaitingLine line = new();
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task Call_OneWaiter_TheFirstGoes()
    {
        var (first, second) = (Wait(), Wait());

        line.Call();

        Assert.True(await first);
        Assert.False(second.IsCompleted);
        Assert.Equal(1, line.Count);
    }

    [Fact]
    public async Task Wait_Again_GoesBeforeTheOthers()
    {
        var (earlier, again) = (Wait(), Wait(again: true));

        line.Call();

        Assert.True(await again);
        Assert.False(earlier.IsCompleted);
    }

    [Fact]
    public async Task Wait_AFullLine_IsRefusedAtOnce()
    {
        _ = Wait(longest: 1);

        Assert.False(await Wait(longest: 1));
        Assert.Equal(1, line.Count);
    }

    [Fact]
    public async Task Wait_TheTimeIsOver_LeavesTheLine()
    {
        var waiting = Wait();

        time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(await waiting);
        Assert.Equal(0, line.Count);
    }

    [Fact]
    public async Task Wait_APlaceIsFreeAlready_GoesAtOnce() => Assert.True(await Wait(hasPlace: true));

    [Fact]
    public async Task Wait_TheClientLeaves_TheNextGoes()
    {
        using var gone = new CancellationTokenSource();
        var (first, second) = (WaitAs(gone.Token), Wait());

        await gone.CancelAsync();
        line.Call();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.True(await second);
    }

    [Fact]
    public async Task CallAll_EachGoes()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => Wait()).ToArray();

        line.CallAll();

        Assert.All(await Task.WhenAll(waiting), Assert.True);
    }

    private Task<bool> Wait(int longest = 10, bool again = false, bool hasPlace = false) =>
        line.WaitAsync(new Turn(longest, again, TimeSpan.FromSeconds(1)), () => hasPlace, time, TestContext.Current.CancellationToken).AsTask();

    private Task<bool> WaitAs(CancellationToken client) =>
        line.WaitAsync(new Turn(10, IsAgain: false, TimeSpan.FromSeconds(1)), static () => false, time, client).AsTask();
}
