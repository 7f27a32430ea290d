using Consul;
using CsCheck;
using Xunit;

namespace ServiceMesh.Tests.Unit.ConsulApi;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData(0L, "0s")]
    [InlineData(1L, "100ns")]
    [InlineData(-1L, "-100ns")]
    [InlineData(10L, "1us")]
    [InlineData(15L, "1500ns")]
    [InlineData(10_000L, "1ms")]
    [InlineData(15_000_000L, "1500ms")]
    [InlineData(10_000_000L, "1s")]
    [InlineData(600_000_000L, "60s")]
    [InlineData(18_600_000_000L, "1860s")]
    [InlineData(54_000_000_000L, "5400s")]
    [InlineData(2_592_000_000_000L, "259200s")]
    [InlineData(2_592_000_000_001L, "259200000000100ns")]
    public void Format_Ticks_IsExact(long ticks, string expected) =>
        Assert.Equal(expected, GoDuration.Format(new TimeSpan(ticks)));

    [Theory]
    [InlineData("0", 0L)]
    [InlineData("0s", 0L)]
    [InlineData("15s", 150_000_000L)]
    [InlineData("1h30m0s", 54_000_000_000L)]
    [InlineData("1.5h", 54_000_000_000L)]
    [InlineData("-1m0.5s", -605_000_000L)]
    [InlineData("+2m", 1_200_000_000L)]
    [InlineData("1.5ms", 15_000L)]
    [InlineData("1us", 10L)]
    [InlineData("1\u00b5s", 10L)]
    [InlineData("1\u03bcs", 10L)]
    [InlineData("250ns", 2L)]
    [InlineData("72h3m0.5s", 2_593_805_000_000L)]
    [InlineData(".5s", 5_000_000L)]
    public void TryParse_GoText_IsItsTicks(string text, long expected)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(expected, duration.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("15")]
    [InlineData("s")]
    [InlineData("1d")]
    [InlineData("1s ")]
    [InlineData("1 s")]
    [InlineData("1..5s")]
    [InlineData("1s-1s")]
    [InlineData("1e3s")]
    [InlineData("99999999999999h")]
    [InlineData("9999999999999999999999999999h")]
    [InlineData("99999999999999999999999999999999999s")]
    public void TryParse_NoDuration_IsRefused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Fact]
    public void TryParse_WhatFormatWrote_IsTheSame() => Gen.Long.Sample(ticks =>
    {
        Assert.True(GoDuration.TryParse(GoDuration.Format(new TimeSpan(ticks)), out var duration));
        Assert.Equal(ticks, duration.Ticks);
    });

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void TryParse_Extremes_AreTheSame(long ticks)
    {
        Assert.True(GoDuration.TryParse(GoDuration.Format(new TimeSpan(ticks)), out var duration));
        Assert.Equal(ticks, duration.Ticks);
    }
}
