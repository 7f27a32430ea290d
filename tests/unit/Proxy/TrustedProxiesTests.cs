using System.Net;
using Microsoft.AspNetCore.Http;
using ServiceMesh.Proxy.Traffic.Transforming;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

public sealed class TrustedProxiesTests
{
    [Theory]
    [InlineData("https", "", null, true)]
    [InlineData("http", "", null, false)]
    [InlineData("http", "", "https", false)]
    [InlineData("http", "10.0.0.0/8", "https", true)]
    [InlineData("http", "10.0.0.0/8", "HTTPS", true)]
    [InlineData("http", "10.0.0.0/8", "http", false)]
    public void CameWithTls_ByTheConnectionOrByTheWordOfATrustedProxy(string scheme, string trusted, string? told, bool expected)
    {
        TrustedProxies.TryParse(trusted, out var proxies);
        var context = new DefaultHttpContext { Request = { Scheme = scheme }, Connection = { RemoteIpAddress = IPAddress.Parse("::ffff:10.0.0.9") } };
        context.Request.Headers["X-Forwarded-Proto"] = told;

        Assert.Equal(expected, proxies.CameWithTls(context));
    }
}
