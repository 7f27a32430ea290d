using System.Buffers;
using System.Globalization;
using System.Text;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>A line as it reads without its escapes, and where each of its characters stands in the line as it was printed. Pure.</summary>
/// <param name="Text">What it reads.</param>
/// <param name="Starts">Where each character begins; at last where the line ends.</param>
internal sealed record UnescapedLine(string Text, IReadOnlyList<int> Starts)
{
    // A log driver's JSON may hold a program's, and that an address.
    private const int Layers = 2;

    private static readonly SearchValues<char> InJson = SearchValues.Create('\\');
    private static readonly SearchValues<char> InAddresses = SearchValues.Create('%', '+');

    /// <summary>The line as it is, and without the escapes of JSON and of addresses, some layers deep.</summary>
    public static IEnumerable<UnescapedLine> Readings(string line) => new UnescapedLine(line, [.. Enumerable.Range(0, line.Length + 1)]).Readings(Layers);

    private IEnumerable<UnescapedLine> Readings(int layers)
    {
        UnescapedLine?[] inner = layers == 0 ? [] : [Without(InJson, Json), Without(InAddresses, Percent)];
        return inner.OfType<UnescapedLine>().SelectMany(reading => reading.Readings(layers - 1)).Prepend(this);
    }

    // What an escape reads and how long it is; nothing where the line was cut within it, which then belongs to what is before it.
    private UnescapedLine? Without(SearchValues<char> marks, Func<string, int, (string? Read, int Length)> escape)
    {
        if (!Text.AsSpan().ContainsAny(marks))
            return null;
        var (text, starts) = (new StringBuilder(Text.Length), new List<int>(Text.Length + 1));
        for (var at = 0; at < Text.Length;)
        {
            if (!marks.Contains(Text[at]))
            {
                text.Append(Text[at]);
                starts.Add(Starts[at++]);
                continue;
            }

            var (read, length) = escape(Text, at);
            if (read is null)
                break;
            text.Append(read);
            starts.AddRange(Enumerable.Repeat(Starts[at], read.Length));
            at += length;
        }

        return new UnescapedLine(text.ToString(), [.. starts, Starts[^1]]);
    }

    // \" and \/, \u0026, and what JavaScript and Python add: \' and \xe4.
    private static (string? Read, int Length) Json(string text, int at)
    {
        if (at + 1 == text.Length)
            return (null, 0);
        var kind = text[at + 1];
        var digits = kind switch { 'u' => 4, 'x' => 2, _ => 0 };
        return digits > 0 && Hex(text, at + 2, digits) is { } hex
            ? hex.Length == digits ? (((char)Value(hex)).ToString(), 2 + digits) : (null, 0)
            : (kind switch { 'n' => "\n", 't' => "\t", 'r' => "\r", 'b' => "\b", 'f' => "\f", _ => kind.ToString() }, 2);
    }

    // UTF-8, or else Latin-1; a plus is a space, as in forms.
    private static (string? Read, int Length) Percent(string text, int at)
    {
        if (text[at] == '+')
            return (" ", 1);
        var (bytes, next, hex) = (new List<byte>(4), at, (string?)null);
        for (; bytes.Count < 4 && next < text.Length && text[next] == '%' && (hex = Hex(text, next + 1, 2)) is { Length: 2 }; next += 3)
            bytes.Add((byte)Value(hex));
        var isCut = next == text.Length || hex is { Length: < 2 };
        return Rune.DecodeFromUtf8([.. bytes], out var rune, out var length) switch
        {
            OperationStatus.Done => (rune.ToString(), length * 3),
            OperationStatus.NeedMoreData when isCut => (null, 0),
            _ => bytes.Count == 0 ? ("%", 1) : (((char)bytes[0]).ToString(), 3),
        };
    }

    // As many digits as the line has; null for something else.
    private static string? Hex(string text, int at, int digits)
    {
        var hex = text[at..Math.Min(at + digits, text.Length)];
        return hex.All(char.IsAsciiHexDigit) ? hex : null;
    }

    private static int Value(string hex) => int.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
