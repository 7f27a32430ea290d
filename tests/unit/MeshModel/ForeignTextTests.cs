using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class ForeignTextTests
{
    /// <summary>What turns the direction of writing, and what takes no room, printable or not.</summary>
    public static TheoryData<string> Unseen { get; } =
    [
        .. "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c".Select(letter => $"{letter}"),
        .. "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\u115f\u3164\uffa0\ufe0f".Select(letter => $"{letter}"),
        "\U000e0100", "\U000e0041", "\ue000", "\ud83e", "\u2028",
    ];

    [Theory]
    [InlineData("größe 日本 🦊 [a] ä\u0308", "größe 日本 🦊 [a] ä\u0308")]
    [InlineData("\u001b[2J\rgone", "?[2J?gone")]
    [InlineData("a\n\tb\u0000", "a??b?")]
    [InlineData("a\u00a0b\u2028c\u202ed\ufffd", "a?b?c?d?")]
    [InlineData("", "")]
    public void Shown_AnyText_IsWhatCanBeSeen(string text, string expected) => Assert.Equal(expected, ForeignText.Shown(text));

    [Theory]
    [InlineData("12345", "12345")]
    [InlineData("123456", "12345…")]
    [InlineData("1234🦊", "1234?…")]
    public void Shown_LongText_IsCut(string text, string expected) => Assert.Equal(expected, ForeignText.Shown(text, limit: 5));

    [Theory]
    [InlineData("a\u001b[2J\u001b[31mb\u001b]0;title\u0007\u009b2J\rc\u0085\u007f", "ab0;title2Jc")]
    [InlineData("\u001b[1;31", "")]
    [InlineData("\u001b[1;ä\u001b\u001b[0m", "[1;ä")]
    [InlineData("tab\tand\nline", "tab\tand\nline")]
    [InlineData("für […] 日本 🦊 \\u001b", "für […] 日本 🦊 \\u001b")]
    [InlineData("1\u00a0000\u3000\u2009x\ufffd", "1 000  x")]
    [InlineData("", "")]
    public void Cleaned_WhatOthersWrote_DoesNothingToATerminal(string text, string expected) => Assert.Equal(expected, ForeignText.Cleaned(text));

    [Theory]
    [MemberData(nameof(Unseen))]
    public void AnyForm_WhatCannotBeSeen_DisguisesNothing(string unseen)
    {
        Assert.Equal("demo", ForeignText.Cleaned($"de{unseen}mo"));
        Assert.Equal("de?mo", ForeignText.Shown($"de{unseen}mo"));
    }

    [Fact]
    public void CleanedLine_SeveralLines_IsOne() => Assert.Equal("a b c", ForeignText.CleanedLine("a\nb\t\u001b[1mc\r"));
}
