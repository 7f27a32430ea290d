using ServiceMesh.Policy;
using ServiceMesh.Proxy.Health;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Health;

/// <summary>Requests are written as a line: <c>x</c> for a connection that failed, <c>5</c> for a 5xx, <c>s</c> for a silence, <c>.</c> for a sound answer, <c>|</c> for the next window.</summary>
public sealed class PassiveCountsTests
{
    [Theory]
    [InlineData("xx", 3, false)]
    [InlineData("xxx", 3, true)]
    [InlineData("xx.xx", 3, false)]
    [InlineData("xx5xx", 3, false)]
    [InlineData("xxsx", 3, true)]
    [InlineData("ssssssssss", 3, false)]
    [InlineData("xx|x", 3, true)]
    [InlineData("xxxxxxxxxx", 0, false)]
    [InlineData("5555555555", 3, false)]
    public void Failed_ConnectionsInARow_Eject(string requests, int failures, bool expected) =>
        Assert.Equal(expected, Ejects(requests, new PassivePolicy(failures)));

    [Theory]
    [InlineData("....55", 6, 0.5, false)]
    [InlineData("...555", 6, 0.5, true)]
    [InlineData("...5s5", 6, 0.5, true)]
    [InlineData("555", 6, 0.5, false)]
    [InlineData("555555", 6, 1, true)]
    [InlineData("555|555", 6, 0.5, false)]
    [InlineData("...|555555", 6, 0.5, true)]
    [InlineData("555...", 6, 0.5, false)]
    [InlineData("555...5", 6, 0.5, true)]
    public void Answered_TheShareOfErrorsInAWindow_Ejects(string requests, int minimum, double share, bool expected) =>
        Assert.Equal(expected, Ejects(requests, new PassivePolicy(ErrorShare: share, Minimum: minimum)));

    [Fact]
    public void Answered_AfterTheLastReason_CountsAnew()
    {
        var counts = new PassiveCounts();
        var policy = new PassivePolicy(ErrorShare: 1, Minimum: 2);

        Assert.Equal([false, true, false, true], Enumerable.Range(0, 4).Select(_ => counts.Answered(policy, isError: true, TimeSpan.Zero)));
    }

    // The window's number fills its bits to the last, which is the sign of the whole.
    [Theory]
    [InlineData((1 << 23) - 1)]
    [InlineData(1 << 23)]
    [InlineData((1 << 24) + 1)]
    public void Answered_InAnyWindow_CountsItTogether(int window)
    {
        var counts = new PassiveCounts();
        var policy = new PassivePolicy(ErrorShare: 1, Minimum: 2);

        Assert.Equal([false, true], Enumerable.Range(0, 2).Select(_ => counts.Answered(policy, isError: true, window * PassivePolicy.DefaultWindow)));
    }

    [Fact]
    public async Task Answered_ByManyAtOnce_LosesNone()
    {
        var counts = new PassiveCounts();
        var policy = new PassivePolicy(ErrorShare: 1, Minimum: 40_000);

        var each = Enumerable.Range(0, 4).Select(_ => Task.Run(
            () => Enumerable.Range(0, 10_000).Count(_ => counts.Answered(policy, isError: true, TimeSpan.Zero)), TestContext.Current.CancellationToken));

        Assert.Equal(1, (await Task.WhenAll(each)).Sum());
    }

    private static bool Ejects(string requests, PassivePolicy policy)
    {
        var counts = new PassiveCounts();
        var (now, ejects) = (TimeSpan.Zero, false);
        foreach (var request in requests)
        {
            switch (request)
            {
                case '|':
                    now += PassivePolicy.DefaultWindow;
                    break;
                case 'x':
                    ejects |= counts.Failed(policy);
                    break;
                case 's':
                    ejects |= counts.Silent(policy, now);
                    break;
                default:
                    ejects |= counts.Answered(policy, request == '5', now);
                    break;
            }
        }

        return ejects;
    }
}
