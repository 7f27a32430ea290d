using System.Text.Json;

namespace ServiceMesh.Deployer.Delivery;

/// <summary>The runs of tests as the history keeps them: with so much of their output that it fits into a transaction of Consul's. Pure.</summary>
internal static class KeptTests
{
    /// <summary>The most that all suites' output together may take in JSON. Consul refuses a transaction of more than 512 KB, in base64, document and all.</summary>
    public const int MostBytes = 128 * 1024;

    private const string Cut = "… (cut: all suites together may have 128 KB here)";

    public static IReadOnlyList<TestRun> Of(IReadOnlyList<TestRun> runs) =>
        runs.Sum(run => SizeOf(run.LogTail)) <= MostBytes ? [.. runs] : [.. runs.Select(run => run with { LogTail = Ended(run.LogTail, MostBytes / runs.Count) })];

    private static string Ended(string tail, int bytes)
    {
        if (SizeOf(tail) <= bytes)
            return tail;
        var lines = tail.Split('\n');
        var (first, size) = (lines.Length, SizeOf(Cut));
        while (first > 0 && (size += SizeOf(lines[first - 1] + '\n')) <= bytes)
            first--;
        return string.Join('\n', lines[first..].Prepend(Cut));
    }

    // A character may be six bytes there.
    private static int SizeOf(string text) => JsonEncodedText.Encode(text).EncodedUtf8Bytes.Length;
}
