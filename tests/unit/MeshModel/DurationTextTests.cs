using CsCheck;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("1s", 1_000)]
    [InlineData("10s", 10_000)]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("2m", 120_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("1.5m0.25s", 90_250)]
    [InlineData("1h1ms", 3_600_001)]
    [InlineData("2000us", 2)]
    [InlineData("2000\u00b5s", 2)]
    [InlineData("2000\u03bcs", 2)]
    [InlineData("1ms999000ns", 1.999)]
    [InlineData("1ms99ns", 1)]
    public void TryParse_Duration_IsRead(string text, double milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("10")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("1.s")]
    [InlineData("1.2.3s")]
    [InlineData("30s1m")]
    [InlineData("1s1s")]
    [InlineData("1 s")]
    [InlineData("1s\n")]
    [InlineData("1d")]
    [InlineData("1S")]
    [InlineData("9999999s")]
    [InlineData("999999999999999999h")]
    public void TryParse_NoDuration_IsRefused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(15_000_000, "1s500ms")]
    [InlineData(900_000_000, "1m30s")]
    [InlineData(36_000_000_000, "1h")]
    [InlineData(101, "10us100ns")]
    public void Write_Duration_NamesTheLargestUnitFirst(long ticks, string text) =>
        Assert.Equal(text, DurationText.Write(new TimeSpan(ticks)));

    [Fact]
    public void Write_AnyDuration_IsReadBackTheSame() => Gen.Long[0, 999_999 * TimeSpan.TicksPerHour].Sample(ticks =>
        DurationText.TryParse(DurationText.Write(new TimeSpan(ticks)), out var read) && read.Ticks == ticks);

    [Fact]
    public void Write_NegativeDuration_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DurationText.Write(new TimeSpan(-1)));
}
