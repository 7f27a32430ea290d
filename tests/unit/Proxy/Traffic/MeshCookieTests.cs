using Microsoft.AspNetCore.Http;
using ServiceMesh.Proxy.Traffic.Choosing;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Traffic;

public sealed class MeshCookieTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(n => (byte)n)];

    [Theory]
    [InlineData(0, "")]
    [InlineData(9999, "0a1b2c3d4e5f")]
    public void Parse_WhatWasWritten_IsTheSame(int bucket, string instance)
    {
        var cookie = new MeshCookie(bucket, instance);

        Assert.Equal(cookie, MeshCookie.Parse(cookie.Text("demo", Key), "demo", Key));
    }

    [Fact]
    public void Parse_AnotherBucketUnderTheSignature_IsNone()
    {
        var text = new MeshCookie(9000, "").Text("demo", Key);

        Assert.Null(MeshCookie.Parse("1" + text[1..], "demo", Key));
    }

    [Fact]
    public void Parse_AnotherServices_IsNone() => Assert.Null(MeshCookie.Parse(new MeshCookie(1, "").Text("other", Key), "demo", Key));

    [Fact]
    public void Parse_AnotherKey_IsNone() => Assert.Null(MeshCookie.Parse(new MeshCookie(1, "").Text("demo", new byte[32]), "demo", Key));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Issue_ToAClientThatCameWithTls_IsForTlsAlone(bool isSecure)
    {
        var context = new DefaultHttpContext();

        new MeshCookie(1, "").Issue(context.Response, "demo", Key, isSecure);

        Assert.Equal(isSecure, context.Response.Headers.SetCookie.ToString().Contains("; secure", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("1.")]
    [InlineData("1..")]
    [InlineData("\u00e9.\u00e9.\u00e9")]
    public void Parse_NoCookieOfOurs_IsNone(string text) => Assert.Null(MeshCookie.Parse(text, "demo", Key));
}
