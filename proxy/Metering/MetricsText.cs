using System.Buffers;
using System.Text;
using ServiceMesh.Measures;

namespace ServiceMesh.Proxy.Metering;

/// <summary>Writes Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed class MetricsText(IBufferWriter<byte> output)
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>The bounds that a histogram is told by: some of <see cref="DurationScale"/>'s, for each is a series an instance.</summary>
    private static readonly (int Bucket, double Seconds)[] Bounds =
    [
        .. new[] { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25 }
            .Select(seconds => (DurationScale.BucketOf(TimeSpan.FromSeconds(seconds)), seconds)),
    ];

    /// <summary>Labels as they stand between the braces.</summary>
    public static string Labels(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in labels)
            text.Append(text.Length == 0 ? "" : ",").Append(name).Append("=\"").Append(Escaped(value)).Append('"');
        return text.ToString();
    }

    public void Begin(string name, string type, string help) => Write($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    public void Sample(string name, double value) => Write($"{name} {value}\n");

    public void Sample(string name, string labels, double value) => Write($"{name}{{{labels}}} {value}\n");

    public void Histogram(string name, string labels, Durations durations)
    {
        var (counts, comma) = (durations.Counts, labels.Length == 0 ? "" : ",");
        long total = 0;
        var next = 0;
        foreach (var (bucket, seconds) in Bounds)
        {
            while (next <= bucket)
                total += counts[next++];
            Write($"{name}_bucket{{{labels}{comma}le=\"{seconds}\"}} {total}\n");
        }

        while (next < counts.Length)
            total += counts[next++];
        Write($"{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}\n");
        var braced = labels.Length == 0 ? "" : $"{{{labels}}}";
        Write($"{name}_sum{braced} {durations.Sum.TotalSeconds}\n");
        Write($"{name}_count{braced} {total}\n");
    }

    private void Write(string line) => Encoding.UTF8.GetBytes(line, output);

    private static string Escaped(string value) => value.AsSpan().IndexOfAny('\\', '"', '\n') < 0
        ? value
        : value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n");
}
