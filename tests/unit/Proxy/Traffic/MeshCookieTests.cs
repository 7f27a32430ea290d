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

    [Fact]
    public void Issue_BesideAnothersCookie_LastsAndIsForNoScript()
    {
        var context = new DefaultHttpContext();
        context.Response.Headers.SetCookie = "theirs=1";
        var cookie = new MeshCookie(17, "0a1b2c3d4e5f");

        cookie.Issue(context.Response, "demo", Key, isSecure: true);

        Assert.Equal(
            ["theirs=1", $"mesh-demo={cookie.Text("demo", Key)}; max-age=2592000; path=/; secure; samesite=lax; httponly"],
            context.Response.Headers.SetCookie.ToArray());
    }

    // What a shared cache kept would give its first client's bucket to all.
    [Theory]
    [InlineData(null, "private")]
    [InlineData("public, max-age=60, s-maxage=600", "max-age=60, private")]
    [InlineData("no-cache", "no-cache, private")]
    [InlineData("private, max-age=60", "max-age=60, private")]
    [InlineData("private=\"X-User\"", "private")]
    [InlineData("no-store", "no-store")]
    [InlineData("max-age=\"", "private")]
    public void Issue_WithAnyCacheControl_IsForNoSharedCache(string? told, string expected)
    {
        var context = new DefaultHttpContext();
        context.Response.Headers.CacheControl = told;

        new MeshCookie(1, "").Issue(context.Response, "demo", Key, isSecure: false);

        Assert.Equal(expected, context.Response.Headers.CacheControl.ToString());
    }

    // Each thread has a signer, which must not outlive its key.
    [Fact]
    public void Text_AfterAnotherKey_IsWhatItWasBefore()
    {
        var before = new MeshCookie(1, "").Text("demo", Key);
        var other = new MeshCookie(1, "").Text("demo", new byte[32]);

        Assert.NotEqual(before, other);
        Assert.Equal(before, new MeshCookie(1, "").Text("demo", Key));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("1.")]
    [InlineData("1..")]
    [InlineData("\u00e9.\u00e9.\u00e9")]
    [InlineData("1.\ud800.AAAAAAAAAAAAAAAA")]
    public void Parse_NoCookieOfOurs_IsNone(string text) => Assert.Null(MeshCookie.Parse(text, "demo", Key));
}
