using System.Text;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>
/// Cuts a container's output into lines. What a container prints is not trusted: a line is bounded, what would move a
/// terminal's cursor or colour is taken out, and so are secrets, those that are cut, too.
/// </summary>
internal sealed class OutputLines(SecretValues secrets, Action<string> line)
{
    public const int LongestLine = 4096;

    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();
    private readonly StringBuilder open = new();
    private bool cut;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Span<char> chars = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        foreach (var c in chars[..decoder.GetChars(bytes, chars, flush: false)])
        {
            if (c == '\n')
                End();
            else if (open.Length < LongestLine)
                open.Append(c);
            else
                cut = true;
        }
    }

    /// <summary>Passes on a last line that had no line end.</summary>
    public void Complete()
    {
        if (open.Length > 0)
            End();
    }

    private void End()
    {
        var text = secrets.Mask(ForeignText.Cleaned(open.ToString()), cut).TrimEnd();
        line(cut ? text + " …" : text);
        open.Clear();
        cut = false;
    }
}
