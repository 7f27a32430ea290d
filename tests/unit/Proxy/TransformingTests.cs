using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Transforming;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy;

/// <summary>A client's request as the instance gets it, and an instance's answer as the client gets it.</summary>
public sealed class TransformingTests
{
    private static readonly Route Plain = new(null, "/demo", StripPath: true);
    private static readonly string[] Hearsay = ["X-Forwarded-Port", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Real-IP"];

    [Theory]
    [InlineData("", "10.0.0.9", null, "10.0.0.9")]
    [InlineData("", "10.0.0.9", "6.6.6.6", "10.0.0.9")]
    [InlineData("10.0.0.0/8", "10.0.0.9", "6.6.6.6", "6.6.6.6, 10.0.0.9")]
    [InlineData("10.0.0.9", "::ffff:10.0.0.9", "6.6.6.6", "6.6.6.6, 10.0.0.9")]
    [InlineData("10.0.0.8, fd00::/8", "fd00::1", "6.6.6.6", "6.6.6.6, fd00::1")]
    [InlineData("10.0.0.8, fd00::/8", "10.0.0.9", "6.6.6.6", "10.0.0.9")]
    public async Task Request_ForwardedFor_IsAppendedFromATrustedProxyElseReplaced(string trusted, string peer, string? received, string sent)
    {
        var message = await RequestAsync(Plain, trusted, context =>
        {
            context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
            if (received is not null)
                context.Request.Headers["X-Forwarded-For"] = received;
        });

        Assert.Equal(sent, Header(message, "X-Forwarded-For"));
    }

    [Theory]
    [InlineData("10.0.0.9", "for=10.0.0.9;host=\"shop.example:8000\";proto=http")]
    [InlineData("::ffff:10.0.0.9", "for=10.0.0.9;host=\"shop.example:8000\";proto=http")]
    [InlineData("fd00::1", "for=\"[fd00::1]\";host=\"shop.example:8000\";proto=http")]
    public async Task Request_Forwarded_IsSpelledAsRfc7239Says(string peer, string sent)
    {
        var message = await RequestAsync(Plain, "", context =>
        {
            context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
            context.Request.Headers["Forwarded"] = "for=6.6.6.6";
        });

        Assert.Equal(sent, Header(message, "Forwarded"));
    }

    [Fact]
    public async Task Request_FromAnyone_WhatItSaysOfItselfIsReplaced()
    {
        var message = await RequestAsync(Plain, "", Liar);

        Assert.Equal("http", Header(message, "X-Forwarded-Proto"));
        Assert.Equal("shop.example:8000", Header(message, "X-Forwarded-Host"));
        Assert.Equal("/demo", Header(message, "X-Forwarded-Prefix"));
        Assert.Equal("shop.example:8000", Header(message, "Host"));
        Assert.All(Hearsay, name => Assert.Null(Header(message, name)));
    }

    [Fact]
    public async Task Request_FromATrustedProxy_WhatTheClientAskedForIsKept()
    {
        var message = await RequestAsync(Plain, "10.0.0.0/8", Liar);

        Assert.Equal("https", Header(message, "X-Forwarded-Proto"));
        Assert.Equal("www.example", Header(message, "X-Forwarded-Host"));
        Assert.Equal("/outer/demo", Header(message, "X-Forwarded-Prefix"));
        Assert.Equal("for=6.6.6.6, for=10.0.0.9;host=\"shop.example:8000\";proto=http", Header(message, "Forwarded"));
        Assert.All(Hearsay, name => Assert.Equal("theirs", Header(message, name)));
    }

    [Fact]
    public async Task Request_FromATrustedProxyThatNamesThemInConnection_WhatTheClientAskedForIsKept()
    {
        var message = await RequestAsync(Plain, "10.0.0.0/8", context =>
        {
            Liar(context);
            context.Request.Headers.Connection = "X-Forwarded-Proto, X-Forwarded-Host";
        });

        Assert.Equal(("https", "www.example"), (Header(message, "X-Forwarded-Proto"), Header(message, "X-Forwarded-Host")));
    }

    [Fact]
    public async Task Request_WithoutAStrippedPrefix_NoneIsTold()
    {
        var message = await RequestAsync(Plain with { StripPath = false }, "", Liar);

        Assert.Null(Header(message, "X-Forwarded-Prefix"));
    }

    [Theory]
    [InlineData("close, X-Secret, Content-Type")]
    [InlineData("x-secret,content-type,")]
    public async Task Request_HeadersNamedByConnection_StayHere(string connection)
    {
        var message = await RequestAsync(Plain, "", context =>
        {
            context.Request.Headers.Connection = connection;
            context.Request.Headers["X-Secret"] = "1";
            context.Request.Headers.ContentType = "text/plain";
            context.Request.Headers["X-Other"] = "2";
        });

        Assert.Equal((null, null, null, "2"), (Header(message, "Connection"), Header(message, "X-Secret"), Header(message, "Content-Type"), Header(message, "X-Other")));
    }

    [Fact]
    public async Task Request_ConnectionNamesWhatTheProxyTells_ItIsToldAllTheSame()
    {
        var message = await RequestAsync(Plain, "", context => context.Request.Headers.Connection = "X-Forwarded-For, Forwarded, Host, X-Set");

        Assert.Equal("10.0.0.9", Header(message, "X-Forwarded-For"));
        Assert.NotNull(Header(message, "Forwarded"));
        Assert.Equal("shop.example:8000", Header(message, "Host"));
    }

    [Fact]
    public async Task Request_RouteHeaders_AreSetAndRemovedLast()
    {
        var route = Plain with
        {
            RequestHeaders = new HeaderChanges
            {
                Set = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-Set"] = "ours", ["Content-Type"] = "text/html", ["X-Forwarded-Proto"] = "https" },
                Remove = ["x-gone", "Content-Language"],
            },
        };

        var message = await RequestAsync(route, "", context =>
        {
            context.Request.Headers["X-Set"] = "theirs";
            context.Request.Headers["X-Gone"] = "1";
            context.Request.Headers.ContentLanguage = "en";
        });

        Assert.Equal(("ours", "text/html", "https"), (Header(message, "X-Set"), Header(message, "Content-Type"), Header(message, "X-Forwarded-Proto")));
        Assert.Equal((null, null), (Header(message, "X-Gone"), Header(message, "Content-Language")));
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http, null, "shop.example:8000")]
    [InlineData(UpstreamProtocol.H2c, null, "shop.example:8000")]
    [InlineData(UpstreamProtocol.H2, "shop.example", "shop.example")]
    [InlineData(UpstreamProtocol.H2, "*.example", null)]
    [InlineData(UpstreamProtocol.H2, null, null)]
    [InlineData(UpstreamProtocol.Http, "shop.example", "SHOP.example.", "SHOP.example.")]
    [InlineData(UpstreamProtocol.H2, "shop.example", "shop.example", "SHOP.example.")]
    public async Task Request_TheClientsHost_IsPassedOnButWhereItWouldChooseTheCertificate(UpstreamProtocol upstream, string? host, string? sent, string asked = "shop.example:8000")
    {
        var message = await RequestAsync(Plain with { Host = host, Upstream = upstream }, "", context => context.Request.Host = new HostString(asked));

        Assert.Equal(sent, Header(message, "Host"));
    }

    [Theory]
    [InlineData("/demo", "/")]
    [InlineData("/demo?x=1&y=%20", "/?x=1&y=%20")]
    [InlineData("/demo/a/b?x=1", "/a/b?x=1")]
    [InlineData("/demo/a%2Fb%252Fc", "/a%2Fb%252Fc")]
    [InlineData("/demo/a%2Fb?x[]=1&y={\"z\"|1}", "/a%2Fb?x[]=1&y={\"z\"|1}")]
    [InlineData("/demo/a%2Fb?file=/../etc/%2e%2e", "/a%2Fb?file=/../etc/%2e%2e")]
    [InlineData("/demo/%41", "/%41")]
    [InlineData("/demo//a", "//a")]
    [InlineData("/%64emo/a b", "/a%20b")]
    [InlineData("/demo/../demo/x", "/x")]
    [InlineData("/demo/.hidden", "/.hidden")]
    [InlineData("/demo/x%2F..%2F..%2Fadmin", "/x%252F..%252F..%252Fadmin")]
    [InlineData("/demo/x%2f..%2f..%2fadmin", "/x%252f..%252f..%252fadmin")]
    [InlineData("/demo/x%5C..%5c..%5Cadmin", "/x%255C..%255C..%255Cadmin")]
    [InlineData("/demo/..%5C..%5Cadmin", "/..%255C..%255Cadmin")]
    [InlineData("/demo/a%5Cb", "/a%5Cb")]
    [InlineData("/demo/a%5Cb/.c", "/a%255Cb/.c")]
    [InlineData("/demo/a%2Fb.txt", "/a%2Fb.txt")]
    [InlineData("http://shop.example/demo/x?y", "/x?y")]
    public async Task Request_ItsPath_IsWhatTheClientSpelledWithoutThePrefix(string target, string sent)
    {
        var uri = new Uri(new Uri("http://shop.example"), target);
        var message = await RequestAsync(Plain, "", context =>
        {
            context.Features.Get<IHttpRequestFeature>()!.RawTarget = target;
            // As Kestrel decodes it: all but a slash.
            context.Request.Path = new PathString(Uri.UnescapeDataString(uri.AbsolutePath.Replace("%2F", "%252F", StringComparison.Ordinal).Replace("%2f", "%252f", StringComparison.Ordinal)));
            context.Request.QueryString = new QueryString(uri.Query);
        });

        Assert.Equal("http://10.1.1.1:80" + sent, $"{message.RequestUri!.Scheme}://{message.RequestUri.Host}:{message.RequestUri.Port}{message.RequestUri.PathAndQuery}");
    }

    [Fact]
    public async Task Answer_HeadersNamedByConnectionAndThoseOfTheRoute_AreChanged()
    {
        var route = Plain with { ResponseHeaders = new HeaderChanges { Set = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-Set"] = "ours" }, Remove = ["Server"] } };
        using var answer = new HttpResponseMessage { Content = new ByteArrayContent([]) };
        answer.Headers.TryAddWithoutValidation("Connection", "X-Hop, close");
        answer.Headers.TryAddWithoutValidation("X-Hop", "1");
        answer.Headers.TryAddWithoutValidation("X-Set", "theirs");
        answer.Headers.TryAddWithoutValidation("Server", "kestrel");
        var context = new DefaultHttpContext();

        Assert.True(await Target(route, "").Transformer.TransformResponseAsync(context, answer, TestContext.Current.CancellationToken));

        Assert.Equal("ours", context.Response.Headers["X-Set"]);
        Assert.Equal(["X-Set"], context.Response.Headers.Keys.Except(["Content-Length"]));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("10.0.0.0/8,192.168.1.4 , ::1", null)]
    [InlineData("10.0.0.0/8,localhost", "localhost")]
    [InlineData("10.0.0.0/33", "10.0.0.0/33")]
    public void TryParse_EachText_TellsTheEntryThatIsWrong(string text, string? wrong) => Assert.Equal(wrong, TrustedProxies.TryParse(text, out _));

    private static void Liar(HttpContext context)
    {
        context.Request.Headers["X-Forwarded-Proto"] = "https";
        context.Request.Headers["X-Forwarded-Host"] = "www.example";
        context.Request.Headers["X-Forwarded-Prefix"] = "/outer/";
        context.Request.Headers["Forwarded"] = "for=6.6.6.6";
        foreach (var name in Hearsay)
            context.Request.Headers[name] = "theirs";
    }

    private static RouteTarget Target(Route route, string trusted)
    {
        TrustedProxies.TryParse(trusted, out var proxies);
        return RouteTarget.Of("demo", route, proxies);
    }

    private static async Task<HttpRequestMessage> RequestAsync(Route route, string trusted, Action<HttpContext> received)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse("10.0.0.9");
        context.Request.Scheme = "http";
        context.Request.Host = new HostString("shop.example", 8000);
        context.Request.Path = "/demo/x";
        context.Features.Get<IHttpRequestFeature>()!.RawTarget = "/demo/x";
        received(context);
        var message = new HttpRequestMessage { Content = new ByteArrayContent([]) };
        await Target(route, trusted).Transformer.TransformRequestAsync(context, message, "http://10.1.1.1:80", TestContext.Current.CancellationToken);
        return message;
    }

    private static string? Header(HttpRequestMessage message, string name) =>
        message.Headers.NonValidated.TryGetValues(name, out var values) || message.Content!.Headers.NonValidated.TryGetValues(name, out values)
            ? values.ToString()
            : null;
}
