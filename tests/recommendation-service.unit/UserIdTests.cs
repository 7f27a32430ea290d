using Xunit;

namespace RecommendationService.UnitTests;

public sealed class UserIdTests
{
    [Theory]
    [InlineData("1", 1)]
    [InlineData("42", 42)]
    [InlineData("007", 7)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void TryParse_PositiveWholeNumber_GivesItsValue(string text, long expected)
    {
        Assert.True(UserId.TryParse(text, out UserId userId));
        Assert.Equal(expected, userId.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.5")]
    [InlineData("1,000")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("abc")]
    [InlineData("١")]
    [InlineData("9223372036854775808")]
    public void TryParse_AnythingElse_IsRefused(string? text)
    {
        Assert.False(UserId.TryParse(text, out UserId userId));
        Assert.Equal(default, userId);
    }
}
