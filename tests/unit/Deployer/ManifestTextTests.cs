using ServiceMesh.Deployer.Manifest;
using Xunit;

namespace ServiceMesh.Tests.Unit.Deployer;

public sealed class ManifestTextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("${SET}", "value")]
    [InlineData("a-${SET}-${SET}", "a-value-value")]
    [InlineData("${SET:-other}", "value")]
    [InlineData("${UNSET:-other}", "other")]
    [InlineData("${EMPTY:-other}", "other")]
    [InlineData("${EMPTY}", "")]
    [InlineData("${UNSET:-}", "")]
    [InlineData("${UNSET:-http://x:80}", "http://x:80")]
    [InlineData("$${SET} costs $5", "${SET} costs $5")]
    public void Fill_Text_IsFilledIn(string text, string filled) =>
        Assert.Equal((filled, ""), Filled(text));

    [Theory]
    [InlineData("${UNSET}", "the environment variable UNSET is not set; set it, or write ${UNSET:-default}")]
    [InlineData("x${SET", "'${SET' has no closing '}'")]
    [InlineData("${1X}", "'${1X}' is no variable; write ${NAME} or ${NAME:-default}")]
    [InlineData("${SET-x}", "'${SET-x}' is no variable; write ${NAME} or ${NAME:-default}")]
    public void Fill_WhatCannotBeFilledIn_IsSaid(string text, string fault) => Assert.Equal(fault, Filled(text).Faults);

    [Theory]
    [InlineData("replica", "replicas")]
    [InlineData("Port", "port")]
    [InlineData("enviroment", "environment")]
    [InlineData("healthcheck", null)]
    [InlineData("x", null)]
    public void Of_UnknownKey_IsTheNearestKnownOne(string key, string? near) =>
        Assert.Equal(near, NearestKey.Of(key, ["name", "image", "port", "routes", "replicas", "environment", "health", "tests"]));

    [Theory]
    [InlineData("demo", "demo", null)]
    [InlineData("demo:v1", "demo", "v1")]
    [InlineData("localhost:5000/demo", "localhost:5000/demo", null)]
    [InlineData("Registry.Example.org:443/team/demo_x:1.2-a", "Registry.Example.org:443/team/demo_x", "1.2-a")]
    public void TryParse_Image_IsRead(string text, string repository, string? tag)
    {
        Assert.Null(ImageReference.TryParse(text, out var image));
        Assert.Equal(new ImageReference(repository, tag), image);
        Assert.Equal(text, image!.ToString());
    }

    [Theory]
    [InlineData("", "'' is no image name; it looks like registry:5000/folder/name:tag, in lower case")]
    [InlineData("a b", "'a b' is no image name; it looks like registry:5000/folder/name:tag, in lower case")]
    [InlineData("demo:", "'' is no image tag: 1 to 128 of A-Z, a-z, 0-9, '_', '.' and '-', the first neither '.' nor '-'")]
    [InlineData("demo:-x", "'-x' is no image tag: 1 to 128 of A-Z, a-z, 0-9, '_', '.' and '-', the first neither '.' nor '-'")]
    public void TryParse_NoImage_IsSaid(string text, string fault) => Assert.Equal(fault, ImageReference.TryParse(text, out _));

    private static (string Text, string Faults) Filled(string text)
    {
        var (filled, faults) = Interpolation.Fill(text, name => name switch { "SET" => "value", "EMPTY" => "", _ => null });
        return (filled, string.Join("; ", faults));
    }
}
