using Microsoft.Extensions.Time.Testing;
using ServiceMesh.Proxy.Traffic.Waiting;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class WaitingLineTests
{
    private readonly WaitingLine line = new();
    private readonly FakeTimeProvider time = new();
    private bool free;
    private int looks;

    [Fact]
    public async Task Call_OneWaiter_TheFirstGoes()
    {
        var (first, second) = (Wait(), Wait());

        line.Call("one");

        Assert.True(await first);
        Assert.False(second.IsCompleted);
        Assert.Equal(1, line.Count);
    }

    [Fact]
    public async Task Wait_Again_HasItsOldPlace()
    {
        var (third, first, second) = (Wait(since: 3), Wait(since: 1), Wait(since: 2));

        line.Call("one");
        Assert.True(await first);
        line.Call("one");
        Assert.True(await second);
        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task Call_APlaceThatTheFirstMayNotTake_GoesToTheNext()
    {
        var (tried, next) = (Wait(mayTakeIt: false), Wait());

        line.Call("one");

        Assert.True(await next);
        Assert.False(tried.IsCompleted);
    }

    [Fact]
    public async Task Call_OneRelease_LeavesTheOtherWaiting()
    {
        var (canary, active) = (Wait(release: "two"), Wait());

        line.Call("one");

        Assert.True(await active);
        Assert.False(canary.IsCompleted);
        Assert.True(line.HasTaker("two"));
        Assert.False(line.HasTaker("one"));
    }

    [Fact]
    public void HasTaker_WhoeverMayNotTakeWhatIsFree_IsNone()
    {
        _ = Wait(mayTakeIt: false);
        Assert.False(line.HasTaker("one"));

        _ = Wait();
        Assert.True(line.HasTaker("one"));
    }

    [Fact]
    public async Task Wait_TheOtherReleasesLineIsFull_StandsInItsOwn()
    {
        _ = Wait(longest: 1, release: "two");

        var waiting = Wait(longest: 1);

        Assert.Equal(2, line.Count);
        line.Call("one");
        Assert.True(await waiting);
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
    public async Task Wait_APlaceIsFreeAlready_GoesAtOnce()
    {
        free = true;

        Assert.True(await Wait());
    }

    [Fact]
    public async Task Wait_TheClientLeaves_TheNextGoes()
    {
        using var gone = new CancellationTokenSource();
        var (first, second) = (Wait(client: gone), Wait());

        await gone.CancelAsync();
        line.Call("one");

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

    [Fact]
    public void HasTaker_NothingIsFree_OneIsAskedForAllButThoseThatFailedSomewhere()
    {
        for (var n = 0; n < 100; n++)
            _ = Wait(longest: 200, hasNoPlace: true);
        _ = Wait(longest: 200, mayTakeIt: false);
        looks = 0;

        Assert.False(line.HasTaker("one"));
        Assert.False(line.Call("one"));

        Assert.Equal(4, looks);
    }

    // Its service changed on its way into the line, say, and those before it stood there already.
    [Fact]
    public async Task Wait_APlaceForItAlone_GoesBeforeThoseThatHaveNone()
    {
        _ = Wait(hasNoPlace: true);
        free = true;

        Assert.True(await Wait());
    }

    // A place is free whenever somebody is called.
    private Task<bool> Wait(int longest = 10, long since = 0, bool mayTakeIt = true, string release = "one", CancellationTokenSource? client = null, bool hasNoPlace = false)
    {
        var stands = false;
        var waiting = line.WaitAsync(
            new Turn(release, longest, since, TimeSpan.FromSeconds(1), IsChoosy: !mayTakeIt), HasPlace, time, client?.Token ?? TestContext.Current.CancellationToken).AsTask();
        stands = true;
        return waiting;

        bool HasPlace()
        {
            looks++;
            return !hasNoPlace && mayTakeIt && (stands || free);
        }
    }
}
