using System.Text.Json.Serialization;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Metering;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Admin;

/// <summary>Answers <c>GET /state</c>.</summary>
internal sealed class StateAnswer(SnapshotHolder snapshots, ProxyMeter meter, NotReady notReady, LastGoodFile lastGood)
{
    public async Task HandleAsync(HttpContext context)
    {
        // Thousands of services take their time, and other connections' requests are taken in on this thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await context.Response.WriteAsJsonAsync(
            StateReport.Of(new ProxyReading(snapshots.Current, meter), notReady.Reason, LastGoodReport.Of(lastGood)),
            StateReportJson.Default.StateReport,
            cancellationToken: context.RequestAborted);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StateReport))]
internal sealed partial class StateReportJson : JsonSerializerContext;
