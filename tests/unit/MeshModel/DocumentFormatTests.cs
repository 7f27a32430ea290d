using System.Text;
using Xunit;

namespace ServiceMesh.Tests.Unit.MeshModel;

public sealed class DocumentFormatTests
{
    private const string Sound = """{"schema":1,"service":"demo","routes":[{"host":null,"path":"/demo","stripPath":true}],"retired":[]}""";

    [Fact]
    public void TryRead_WhatWriteWrote_IsTheSame()
    {
        var document = ServiceDocument.Create("demo", [new Route("a.example", "/x", StripPath: false)])
            .Promote(new Release("d1", "v1", "image@sha256:0", DateTimeOffset.UnixEpoch))
            .Promote(new Release("d2", "v2", "image@sha256:1", DateTimeOffset.UnixEpoch));

        var fault = DocumentFormat.TryRead("demo", DocumentFormat.Write(document), out var read);

        Assert.Null(fault);
        Assert.Equal(DocumentFormat.Write(document), DocumentFormat.Write(read!));
        Assert.Equal(document.Retired, read!.Retired);
    }

    [Fact]
    public void TryRead_ARouteWithAllItsFields_IsWhatWasWritten()
    {
        var route = new Route("*.shop.example", "/x", StripPath: true)
        {
            RequestHeaders = new HeaderChanges { Set = new Dictionary<string, string>(StringComparer.Ordinal) { ["X-A"] = "1" }, Remove = ["X-B"] },
            ResponseHeaders = new HeaderChanges { Remove = ["Server"] },
            Timeout = TimeSpan.FromSeconds(90),
            MaxBody = 1024,
            Upstream = UpstreamProtocol.H2c,
        };

        Assert.Null(DocumentFormat.TryRead("demo", DocumentFormat.Write(ServiceDocument.Create("demo", [route])), out var read));

        Assert.Equal(route, Assert.Single(read!.Routes));
    }

    [Theory]
    [InlineData("""{"schema":1,"service":"demo","routes":[],"later":{"x":1}}""", "later")]
    [InlineData("""{"schema":1,"service":"demo","routes":[{"host":null,"path":"/","stripPath":false,"strip":true}]}""", "strip")]
    [InlineData("""{"schema":1,"service":"demo","routes":[],"routes":[]}""", "routes")]
    public void TryRead_AnUnknownOrRepeatedField_IsAFaultThatNamesIt(string value, string name) =>
        Assert.Contains(name, DocumentFormat.TryRead("demo", Utf8(value), out _), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"timeout\":\"soon\"", "not a service document: 'soon' must be a duration such as 500ms, 1s or 1m30s, at $.routes[0].timeout")]
    [InlineData("\"timeout\":\"0s\"", "route timeout '0s' must be 1ms to 24h")]
    [InlineData("\"timeout\":\"25h\"", "route timeout '25h' must be 1ms to 24h")]
    [InlineData("\"maxBody\":-1", "route maxBody -1 must be a number of bytes, 0 or more")]
    [InlineData("\"upstream\":\"spdy\"", "not a service document: 'spdy' must be one of http, h2, h2c, at $.routes[0].upstream")]
    [InlineData("\"upstream\":\"H2C\"", "not a service document: 'H2C' must be one of http, h2, h2c, at $.routes[0].upstream")]
    [InlineData("\"upstream\":2", "not a service document: '' must be one of http, h2, h2c, at $.routes[0].upstream")]
    [InlineData("\"requestHeaders\":{\"set\":{\"host\":\"x\"}}", "route requestHeaders: header 'host' belongs to the proxy: no route may change it")]
    [InlineData("\"requestHeaders\":{\"remove\":[\"Content-Length\"]}", "route requestHeaders: header 'Content-Length' belongs to the proxy: no route may change it")]
    [InlineData("\"responseHeaders\":{\"set\":{\"X A\":\"x\"}}", "route responseHeaders: 'X A' is no header name: letters, digits and '-' (a token, RFC 9110, section 5.6.2)")]
    [InlineData("\"responseHeaders\":{\"set\":{\"X-A\":\"a\\r\\nb\"}}", "route responseHeaders: header 'X-A' must have a value of printable ASCII, without spaces around it, at most 4096 long")]
    [InlineData("\"responseHeaders\":{\"set\":{\"X-A\":null}}", "route responseHeaders: header 'X-A' must have a value of printable ASCII, without spaces around it, at most 4096 long")]
    [InlineData("\"responseHeaders\":{\"set\":{\"X-A\":\"1\"},\"remove\":[\"x-a\"]}", "route responseHeaders: header 'X-A' is named twice")]
    [InlineData("\"responseHeaders\":{\"remove\":[null]}", "route responseHeaders: '' is no header name: letters, digits and '-' (a token, RFC 9110, section 5.6.2)")]
    public void TryRead_AFaultyRoute_IsAFaultThatNamesTheValue(string fields, string fault)
    {
        var value = $$$"""{"schema":1,"service":"demo","routes":[{"host":null,"path":"/demo","stripPath":true,{{{fields}}}}]}""";

        Assert.Equal(fault, DocumentFormat.TryRead("demo", Utf8(value), out _));
    }

    [Theory]
    [InlineData("", "not a service document: The input does not contain any JSON tokens")]
    [InlineData("hello", "not a service document: 'h' is an invalid start of a value")]
    [InlineData("null", "the document is null")]
    [InlineData("[]", "not a service document: The JSON value could not be converted to ServiceMesh.ServiceDocument")]
    [InlineData("{}", "not a service document: JSON deserialization for type 'ServiceMesh.ServiceDocument' was missing required properties")]
    [InlineData("""{"schema":2,"service":"demo","routes":[]}""", "schema 2 is not the 1 that is understood here")]
    [InlineData("""{"schema":1,"service":"other","routes":[]}""", "the document under the key of 'demo' calls itself 'other'")]
    [InlineData("""{"schema":1,"service":"demo","routes":[null]}""", "the document has a null among its routes or retired releases")]
    [InlineData("""{"schema":1,"service":"demo","routes":null}""", "not a service document:")]
    [InlineData("""{"schema":1,"service":"demo","routes":[],"retired":null}""", "not a service document:")]
    [InlineData("""{"schema":1,"service":"demo","routes":[{"path":7,"stripPath":true}]}""", "not a service document: The JSON value could not be converted to ")]
    [InlineData("""{"schema":1,"service":"demo","routes":[],"active":{"deployment":"d"}}""", "not a service document: JSON deserialization for type 'ServiceMesh.Release' was missing required properties")]
    [InlineData("""{"schema":1,"service":"demo","routes":[{"host":null,"path":"demo","stripPath":true}]}""", "route path 'demo' must begin with '/'")]
    [InlineData("""{"schema":1,"service":"demo","routes":[{"host":null,"path":"/a","stripPath":true},{"host":null,"path":"/a","stripPath":false}]}""", "route /a is named twice")]
    [InlineData("""{"schema":1,"service":"demo","routes":[{"host":"a.b","path":"/","stripPath":true},{"host":"a.b","path":"/","stripPath":true}]}""", "route a.b/ is named twice")]
    public void TryRead_AHostileDocument_IsAFaultThatNamesIt(string value, string fault)
    {
        Assert.StartsWith(fault, DocumentFormat.TryRead("demo", Utf8(value), out var document), StringComparison.Ordinal);
        Assert.Null(document);
    }

    [Fact]
    public void TryRead_OneMegabyte_IsSetAsideByItsSize() =>
        Assert.Equal("the document has 1048576 bytes, more than 65536", DocumentFormat.TryRead("demo", new byte[1 << 20], out _));

    [Fact]
    public void TryRead_AKeyThatIsNoServiceName_IsAFault() =>
        Assert.StartsWith("'a/b' is no service name:", DocumentFormat.TryRead("a/b", Utf8(Sound), out _), StringComparison.Ordinal);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
