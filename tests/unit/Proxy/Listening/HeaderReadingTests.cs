using System.Text;
using ServiceMesh.Proxy.Listening;
using Xunit;

namespace ServiceMesh.Tests.Unit.Proxy.Listening;

public sealed class HeaderReadingTests
{
    [Theory]
    [InlineData("Host")]
    [InlineData("X-Secret")]
    public void Of_AnyOtherHeader_IsKestrelsOwn(string name) => Assert.Null(HeaderReading.Of(name));

    [Theory]
    [InlineData("0", "0")]
    [InlineData("0123456789", "0123456789")]
    [InlineData("+3", "?3")]
    [InlineData("-3", "?3")]
    [InlineData("\v3", "?3")]
    [InlineData("3\0", "3?")]
    [InlineData("1,000", "1?000")]
    [InlineData("", "")]
    public void Read_ALength_IsItsDigitsAlone(string sent, string read)
    {
        Assert.Equal(read, HeaderReading.Of("Content-Length")!.GetString(Encoding.Latin1.GetBytes(sent)));
        Assert.Equal(read, Into(20, sent));
    }

    // Of 20 digits Kestrel knows that they are too many.
    [Fact]
    public void Read_ALengthBeyondTheRoomForIt_FillsThat() => Assert.Equal(new string('1', 20), Into(20, new string('1', 30)));

    // As the last request of its connection: so Kestrel leaves it as it is.
    [Theory]
    [InlineData("close, X-Secret")]
    [InlineData("keep-alive,X-Secret")]
    [InlineData("X-Secret")]
    [InlineData("X-Secret, TE")]
    [InlineData("Upgrade, x-secret,")]
    public void Read_AConnectionThatNamesAHeader_IsAllOfItAndClosed(string sent) => Assert.Equal(sent + ", close, keep-alive", Connection(sent));

    [Theory]
    [InlineData("")]
    [InlineData("close")]
    [InlineData("Keep-Alive")]
    [InlineData("keep-alive, Upgrade")]
    [InlineData("TE, close")]
    // Java's client says so with each connection's first request.
    [InlineData("Upgrade, HTTP2-Settings")]
    public void Read_AConnectionThatNamesWhatIsDroppedAnyway_IsAsItIs(string sent) => Assert.Equal(sent, Connection(sent));

    private static string Connection(string sent) => HeaderReading.Of("Connection")!.GetString(Encoding.Latin1.GetBytes(sent));

    private static string Into(int room, string sent)
    {
        var chars = new char[room];
        return new string(chars, 0, HeaderReading.Of("Content-Length")!.GetChars(Encoding.Latin1.GetBytes(sent).AsSpan(), chars.AsSpan()));
    }
}
