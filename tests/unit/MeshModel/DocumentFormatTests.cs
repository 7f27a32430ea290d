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
    public void TryRead_UnknownFields_AreLeftAlone() =>
        Assert.Null(DocumentFormat.TryRead("demo", Utf8(Sound.Replace("\"retired\"", "\"later\":{\"x\":1},\"retired\"", StringComparison.Ordinal)), out _));

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
