using ServiceMesh.Proxy.Following;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class WakeListTests
{
    private static readonly DateTimeOffset T0 = DateTimeOffset.UnixEpoch;
    private readonly WakeList wakes = new();

    [Fact]
    public void Take_WhatIsDue_IsTakenOnce()
    {
        wakes.Set("b", T0.AddSeconds(2));
        wakes.Set("a", T0.AddSeconds(1));
        wakes.Set("c", T0.AddSeconds(3));

        Assert.Equal(["a", "b"], wakes.Take(T0.AddSeconds(2)));
        Assert.Empty(wakes.Take(T0.AddSeconds(2)));
        Assert.Equal(T0.AddSeconds(3), wakes.Next);
    }

    [Fact]
    public void Set_Again_CountsTheLast()
    {
        wakes.Set("a", T0.AddSeconds(1));
        wakes.Set("a", T0.AddSeconds(5));
        wakes.Set("b", T0.AddSeconds(1));
        wakes.Set("b", null);

        Assert.Equal(T0.AddSeconds(5), wakes.Next);
        Assert.Empty(wakes.Take(T0.AddSeconds(4)));
        Assert.Equal(["a"], wakes.Take(T0.AddSeconds(5)));
        Assert.Null(wakes.Next);
    }
}
