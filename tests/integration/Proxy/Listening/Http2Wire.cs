using System.Buffers.Binary;
using System.Text;

namespace ServiceMesh.Tests.Integration.Proxy.Listening;

/// <summary>The bytes of HTTP/2 (RFC 9113), for what no client would send.</summary>
internal static class Http2Wire
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, GoAway = 7;
    public const byte EndStream = 1, EndHeaders = 4;

    /// <summary>What a client begins with: the preface and its settings, which are none.</summary>
    public static byte[] Greeting => [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0)];

    /// <summary>A frame (section 4.1).</summary>
    public static byte[] Frame(byte type, byte flags, int stream, params byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2], frame[3], frame[4]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>A request's headers, each further one as <c>name: value</c>.</summary>
    public static byte[] Request(string method, string path, int stream, bool isEnd, params string[] more) => Frame(
        Headers,
        (byte)(EndHeaders | (isEnd ? EndStream : 0)),
        stream,
        Block([$":method: {method}", ":scheme: http", ":authority: a", $":path: {path}", .. more]));

    /// <summary>Literals without indexing, with a new name (RFC 7541, section 6.2.2); both shorter than 127 bytes and not compressed.</summary>
    public static byte[] Block(params string[] lines)
    {
        var block = new MemoryStream();
        foreach (var line in lines)
        {
            var end = line.IndexOf(": ", StringComparison.Ordinal);
            block.WriteByte(0);
            foreach (var text in (ReadOnlySpan<string>)[line[..end], line[(end + 2)..]])
            {
                block.WriteByte((byte)text.Length);
                block.Write(Encoding.ASCII.GetBytes(text));
            }
        }

        return block.ToArray();
    }
}
