using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Metering;

/// <summary>
/// Answers a scrape. What is told is read off the snapshot in effect, so the series of whatever is gone are gone with it:
/// nothing is registered anywhere, and nothing has to be taken back.
/// </summary>
internal sealed class MetricsAnswer(SnapshotHolder snapshots, ProxyMeter meter)
{
    // Thousands of services are megabytes of text: passed on as it is written.
    private const int Part = 1 << 16;

    public async Task HandleAsync(HttpContext context)
    {
        // They take their time, too, and other connections' requests are taken in on this thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        context.Response.ContentType = MetricsText.ContentType;
        var snapshot = snapshots.Current;
        var services = snapshot.Services.Values.OrderBy(service => service.Stored.Service, StringComparer.Ordinal).ToArray();
        await WriteAsync(context, MetricFamilies.Proxy, [new ProxyReading(snapshot, meter)]);
        await WriteAsync(context, MetricFamilies.Services, [.. services.Select(ServiceReading.Of)]);
        await WriteAsync(context, MetricFamilies.Members, [.. services.SelectMany(MemberReading.Of)]);
    }

    private static async Task WriteAsync<T>(HttpContext context, IReadOnlyList<MetricFamily<T>> families, T[] subjects)
    {
        var output = context.Response.BodyWriter;
        var text = new MetricsText(output);
        foreach (var family in families)
        {
            text.Begin(family.Name, family.Type, family.Help);
            foreach (var subject in subjects)
            {
                family.Write(text, family.Name, subject);
                if (output.UnflushedBytes > Part)
                    await output.FlushAsync(context.RequestAborted);
            }
        }

        await output.FlushAsync(context.RequestAborted);
    }
}
