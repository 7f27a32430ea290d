using Consul;
using CsCheck;
using Xunit;

namespace ServiceMesh.Tests.Unit.ConsulApi;

public sealed class ConsulPathTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("mesh/services/demo", "mesh/services/demo")]
    [InlineData("a//b/", "a//b/")]
    [InlineData("a b", "a%20b")]
    [InlineData("100%", "100%25")]
    [InlineData("a%2Fb", "a%252Fb")]
    [InlineData("why?x=1&y=2#z", "why%3Fx%3D1%26y%3D2%23z")]
    [InlineData("a+b", "a%2Bb")]
    [InlineData("ü/日本", "%C3%BC/%E6%97%A5%E6%9C%AC")]
    [InlineData("🦊", "%F0%9F%A6%8A")]
    [InlineData("h1:demo:80", "h1%3Ademo%3A80")]
    [InlineData("-._~", "-._~")]
    [InlineData("a\\b\n", "a%5Cb%0A")]
    public void Key_AnyText_EscapesAllButSlashes(string key, string expected) =>
        Assert.Equal(expected, ConsulPath.Key(key));

    [Theory]
    [InlineData("demo", "demo")]
    [InlineData("a/b c", "a%2Fb%20c")]
    [InlineData("service:h1:demo:80", "service%3Ah1%3Ademo%3A80")]
    public void Segment_AnyText_EscapesSlashesToo(string name, string expected) =>
        Assert.Equal(expected, ConsulPath.Segment(name));

    [Fact]
    public void Segment_Empty_IsRefused() => Assert.Throws<ArgumentException>(() => ConsulPath.Segment(""));

    [Fact]
    public void Key_Unescaped_IsTheKey() => Gen.String.AlphaNumeric.Array[1, 5].Sample(parts =>
    {
        var key = string.Join("/ %?ü", parts);
        Assert.Equal(key, Uri.UnescapeDataString(ConsulPath.Key(key)));
    });
}
