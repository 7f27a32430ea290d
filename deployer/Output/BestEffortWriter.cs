using System.Text;

namespace ServiceMesh.Deployer.Output;

/// <summary>
/// Writes for as long as it can: a terminal that went away, or a disk that is full, ends what is told and not what is done. After the
/// first failure it is silent.
/// </summary>
internal sealed class BestEffortWriter(TextWriter inner) : TextWriter
{
    /// <summary>Why it is silent; <c>null</c> while it is not.</summary>
    public IOException? Fault { get; private set; }

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    private void Try(Action write)
    {
        if (Fault is not null)
            return;
        try
        {
            write();
        }
        catch (IOException error)
        {
            Fault = error;
        }
    }
}
