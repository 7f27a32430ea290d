using System.Text;
using ServiceMesh.Proxy.Traffic.Transforming;

namespace ServiceMesh.Proxy.Listening;

/// <summary>
/// What Kestrel gets to read of two of a request's headers. It asks for an encoding by the header's name: nowhere else are
/// their bytes seen before it makes of them what it likes.
/// </summary>
internal abstract class HeaderReading : Encoding
{
    private static readonly LengthReading Length = new();
    private static readonly ConnectionReading Connection = new();

    /// <summary>The encoding of the header of this name; <c>null</c> for Kestrel's own.</summary>
    public static Encoding? Of(string name) => name switch
    {
        "Connection" => Connection,
        "Content-Length" => Length,
        _ => null,
    };

    public override int GetByteCount(char[] chars, int index, int count) => throw Unwritten();

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => throw Unwritten();

    public override int GetMaxByteCount(int charCount) => throw Unwritten();

    private static NotSupportedException Unwritten() => new("A request's headers are only read.");

    /// <summary>A length of digits alone (RFC 9110, section 8.6): Kestrel takes <c>+3</c> for 3.</summary>
    private sealed class LengthReading : HeaderReading
    {
        public override int GetMaxCharCount(int byteCount) => byteCount;

        public override int GetCharCount(byte[] bytes, int index, int count) => count;

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
            GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

        // Kestrel has room for one more than a length may have.
        public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
        {
            var count = Math.Min(bytes.Length, chars.Length);
            for (var at = 0; at < count; at++)
                chars[at] = char.IsAsciiDigit((char)bytes[at]) ? (char)bytes[at] : '?';
            return count;
        }
    }

    /// <summary>
    /// All that a <c>Connection</c> names: of <c>close, X-Secret</c> Kestrel tells <c>close</c> alone, as of every single word
    /// that it knows. Two such words it leaves as they are, and obeys the close. So a connection whose request names a header
    /// of its own has that as its last.
    /// </summary>
    private sealed class ConnectionReading : HeaderReading
    {
        private const string More = ", close, keep-alive";

        public override int GetMaxCharCount(int byteCount) => byteCount + More.Length;

        public override int GetCharCount(byte[] bytes, int index, int count) => Read(bytes, index, count).Length;

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
        {
            var text = Read(bytes, byteIndex, byteCount);
            text.CopyTo(0, chars, charIndex, text.Length);
            return text.Length;
        }

        private static string Read(byte[] bytes, int index, int count)
        {
            var text = Latin1.GetString(bytes, index, count);
            return ConnectionHeaders.Named(text).Any() ? text + More : text;
        }
    }
}
