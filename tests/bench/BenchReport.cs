using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace ServiceMesh.Bench;

/// <summary>One figure: its own samples and its peer's, in milliseconds.</summary>
internal sealed record Figure(string Name, string Peer, Samples Ours, Samples Theirs)
{
    /// <summary>Ours over the peer's, at the median.</summary>
    public double Ratio => Ours.P50 / Theirs.P50;
}

/// <summary>Samples in milliseconds, told by their order.</summary>
internal sealed record Samples(int Count, double P50, double P90, double P99, double Max)
{
    public static Samples Of(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Select(time => time.TotalMilliseconds).Order().ToArray();
        if (sorted.Length == 0)
            throw new InvalidOperationException("nothing was measured");
        double At(double share) => Math.Round(sorted[(int)Math.Ceiling(share * sorted.Length) - 1], 2);
        return new Samples(sorted.Length, At(0.5), At(0.9), At(0.99), At(1));
    }
}

/// <summary>All figures of a run.</summary>
internal sealed record BenchReport(IReadOnlyList<Figure> Figures)
{
    public Table ToTable()
    {
        var table = new Table().AddColumns("figure", "n", "p50 ms", "p90 ms", "p99 ms", "peer", "peer p50 ms", "ratio");
        foreach (var figure in Figures)
        {
            table.AddRow(
                figure.Name, $"{figure.Ours.Count}", $"{figure.Ours.P50}", $"{figure.Ours.P90}", $"{figure.Ours.P99}",
                figure.Peer, $"{figure.Theirs.P50}", $"{figure.Ratio:0.00}");
        }

        return table;
    }

    public async Task SaveAsync(string path, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllBytesAsync(path, JsonSerializer.SerializeToUtf8Bytes(this, BenchJson.Default.BenchReport), ct);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BenchReport))]
internal sealed partial class BenchJson : JsonSerializerContext;
