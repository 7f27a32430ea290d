using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace ServiceMesh.Bench;

/// <summary>One figure: its own samples, its peer's of the same run where there is a peer, and what was asked of it.</summary>
internal sealed record Figure(string Name, string Unit, Samples Ours, string? Peer = null, Samples? Theirs = null, Bar? Bar = null)
{
    /// <summary>Ours over the peer's of each round, where they were measured in turns: what slows the machine for a while slows both.</summary>
    public Samples? Rounds { get; init; }

    /// <summary>Ours over the peer's, at the median.</summary>
    public double? Ratio => Rounds?.P50 ?? (Theirs is null ? null : Ours.P50 / Theirs.P50);

    /// <summary>Whether the bar is held; <c>null</c> where there is none.</summary>
    public bool? Held => Bar?.IsHeldBy(this);

    /// <summary>Ours over the peer's, at one in a hundred.</summary>
    public double? RatioOfP99 => Theirs is null ? null : Ours.P99 / Theirs.P99;
}

/// <summary>What was asked of a figure: no more than this, but for <paramref name="LeastRatio"/>.</summary>
internal sealed record Bar(
    double? P50 = null, double? P90 = null, double? P99 = null, double? Max = null, double? LeastRatio = null, double? MostRatio = null, double? MostRatioOfP99 = null)
{
    public bool IsHeldBy(Figure figure) => !(figure.Ours.P50 > P50 || figure.Ours.P90 > P90 || figure.Ours.P99 > P99 || figure.Ours.Max > Max
        || figure.Ratio < LeastRatio || figure.Ratio > MostRatio || figure.RatioOfP99 > MostRatioOfP99);

    public override string ToString() => string.Join(", ", new[]
        {
            ("p50 ≤", P50), ("p90 ≤", P90), ("p99 ≤", P99), ("max ≤", Max), ("ratio ≥", LeastRatio), ("ratio ≤", MostRatio), ("ratio of p99 ≤", MostRatioOfP99),
        }
        .Where(limit => limit.Item2 is not null).Select(limit => FormattableString.Invariant($"{limit.Item1} {limit.Item2:0.##}")));
}

/// <summary>Samples of one unit, told by their order.</summary>
internal sealed record Samples(int Count, double P50, double P90, double P99, double Max)
{
    private const int Few = 10;

    /// <summary>Each of them, in order, where they are few.</summary>
    public IReadOnlyList<double>? All { get; private init; }

    /// <summary>Durations, in milliseconds.</summary>
    public static Samples Of(IEnumerable<TimeSpan> times) => Of(times.Select(time => time.TotalMilliseconds));

    /// <summary>What is left when what another way takes is taken off, for each share alone.</summary>
    public Samples Without(Samples other) => new(
        Count, Left(P50, other.P50), Left(P90, other.P90), Left(P99, other.P99), Left(Max, other.Max));

    private static double Left(double value, double other) => Math.Round(Math.Max(0.01, value - other), 2);

    public static Samples Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        if (sorted.Length == 0)
            throw new InvalidOperationException("nothing was measured");
        double At(double share) => Math.Round(sorted[(int)Math.Ceiling(share * sorted.Length) - 1], 2);
        return new Samples(sorted.Length, At(0.5), At(0.9), At(0.99), At(1))
        {
            All = sorted.Length <= Few ? [.. sorted.Select(value => Math.Round(value, 2))] : null,
        };
    }
}

/// <summary>All figures of a run.</summary>
internal sealed record BenchReport(IReadOnlyList<Figure> Figures)
{
    /// <summary>Whether each bar is held that there is.</summary>
    public bool Held => Figures.All(figure => figure.Held is not false);

    public Table ToTable()
    {
        var table = new Table().AddColumns("figure", "unit", "n", "p50", "p90", "p99", "max", "peer", "peer p50", "peer p90", "peer p99", "peer max", "ratio", "bar", "");
        foreach (var figure in Figures)
        {
            var (name, unit, ours, peer, theirs, bar) = figure;
            table.AddRow(
                name, unit, $"{ours.Count}", $"{ours.P50}", $"{ours.P90}", $"{ours.P99}", $"{ours.Max}",
                peer ?? "", $"{theirs?.P50}", $"{theirs?.P90}", $"{theirs?.P99}", $"{theirs?.Max}", $"{figure.Ratio:0.00}",
                $"{bar}", figure.Held switch { null => "", true => "held", false => "not held" });
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
