using System.Text;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The end of an output: the last lines, within a bound of lines and of bytes, however much was printed.</summary>
internal sealed class LogTail(int lines = 100, int bytes = 16 * 1024)
{
    private readonly Queue<string> kept = new();
    private int size;

    public IReadOnlyList<string> Lines => [.. kept];

    public void Add(string line)
    {
        kept.Enqueue(line);
        size += SizeOf(line);
        while (kept.Count > lines || (size > bytes && kept.Count > 1))
            size -= SizeOf(kept.Dequeue());
    }

    public override string ToString() => string.Join('\n', kept);

    private static int SizeOf(string line) => Encoding.UTF8.GetByteCount(line) + 1;
}
