using ServiceMesh.RegistrySidecar.Registration;
using Xunit;

namespace ServiceMesh.Tests.Unit.RegistrySidecar;

public sealed class ShownTests
{
    [Theory]
    [InlineData("größe 日本 🦊 [a]", "größe 日本 🦊 [a]")]
    [InlineData("\u001b[2J\rgone", "?[2J?gone")]
    [InlineData("a\n\tb\u0000", "a??b?")]
    [InlineData("a\u00a0b\u2028c\u202ed\ufffd", "a?b?c?d?")]
    [InlineData("", "")]
    public void Of_AnyText_IsWhatCanBePrinted(string text, string expected) => Assert.Equal(expected, Shown.Of(text));

    [Theory]
    [InlineData("12345", "12345")]
    [InlineData("123456", "12345…")]
    [InlineData("1234🦊", "1234?…")]
    public void Of_LongText_IsCut(string text, string expected) => Assert.Equal(expected, Shown.Of(text, limit: 5));

    [Theory]
    [InlineData("SERVICE_WEIGHT")]
    [InlineData("SERVICE_ID")]
    [InlineData("SERVICE_80_ID")]
    [InlineData("SERVICE_CHECK_\u001b[2J\r")]
    [InlineData("mesh.network")]
    [InlineData("mesh.environment")]
    public void Of_WhatIsSaidOfAHostileContainer_IsShortAndPrintable(string label)
    {
        var container = Given.Container(
            "demo", "demo", ["80/tcp=8080"], labels: new Dictionary<string, string> { [label] = "\u001b[2J\r" + new string('x', 64 * 1024) });

        var mapped = ContainerMapping.Map(container, Given.Context(Given.WithIp with { Internal = true }));

        Assert.All(
            Assert.Single((IReadOnlyList<string>[])[mapped.Warnings, mapped.LeftOut], said => said.Count > 0).Select(said => Shown.Of(said)),
            said => Assert.True(said.Length < 600 && Shown.IsPrintable(said), said));
    }
}
