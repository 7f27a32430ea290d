using Microsoft.AspNetCore.Http;
using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class FramingTests
{
    [Theory]
    [InlineData("HTTP/1.1")]
    [InlineData("HTTP/1.0")]
    [InlineData("HTTP/2")]
    public void Fault_WithoutACoding_IsNone(string protocol) => Assert.Null(Framing.Fault(Request(protocol)));

    [Theory]
    [InlineData("chunked")]
    [InlineData("Chunked")]
    public void Fault_OfChunkedAlone_IsNone(string coding) => Assert.Null(Framing.Fault(Request("HTTP/1.1", coding)));

    [Fact]
    public void Fault_OfACodingInHttp10_IsTold() => Assert.Equal("HTTP/1.0 has no Transfer-Encoding.", Framing.Fault(Request("HTTP/1.0", "chunked")));

    [Fact]
    public void Fault_OfACodingInHttp2_IsTold() => Assert.Equal("HTTP/2 has no Transfer-Encoding.", Framing.Fault(Request("HTTP/2", "chunked")));

    [Theory]
    [InlineData("gzip, chunked")]
    [InlineData("chunked", "chunked")]
    [InlineData("chunked, chunked")]
    [InlineData("")]
    public void Fault_OfAnyOtherCoding_IsTold(params string[] codings) =>
        Assert.Equal("The only Transfer-Encoding that is understood here is chunked, once.", Framing.Fault(Request("HTTP/1.1", codings)));

    [Fact]
    public void Fault_OfALengthThatKestrelSetAside_IsTold()
    {
        var request = Request("HTTP/1.1", "chunked");
        request.Headers["X-Content-Length"] = "5";

        Assert.Equal("A request has a Content-Length or a Transfer-Encoding, not both.", Framing.Fault(request));
    }

    private static HttpRequest Request(string protocol, params string[] codings)
    {
        var request = new DefaultHttpContext().Request;
        request.Protocol = protocol;
        if (codings.Length > 0)
            request.Headers.TransferEncoding = codings;
        return request;
    }
}
