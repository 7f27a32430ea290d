namespace ServiceMesh.Proxy.Metering;

/// <summary>One metric: what it is called, and how it is told of each thing that it is told of.</summary>
/// <param name="Name">Its whole name.</param>
/// <param name="Type">Prometheus' word: <c>counter</c>, <c>gauge</c> or <c>histogram</c>.</param>
/// <param name="Help">What it means, in one line.</param>
/// <param name="Write">Writes its samples for one thing, under the name.</param>
internal sealed record MetricFamily<T>(string Name, string Type, string Help, Action<MetricsText, string, T> Write);
