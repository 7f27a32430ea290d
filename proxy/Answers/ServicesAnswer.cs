using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Connections.Features;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Answers;

/// <summary>Answers <c>GET /services</c> and <c>GET /services/&lt;name&gt;</c>: what this proxy has applied. Nothing can be changed here.</summary>
internal sealed class ServicesAnswer(SnapshotHolder snapshots, LastGoodFile lastGood, ListeningSockets sockets, LeavingProxy leaving)
{
    public Task HandleAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.Headers.Allow = HttpMethods.Get;
            return Problem.WriteAsync(
                context,
                StatusCodes.Status405MethodNotAllowed,
                "The proxy's configuration lives in Consul KV and is changed by the deployer; it can only be read here, with GET.");
        }

        var snapshot = snapshots.Current;
        var name = (context.Request.Path.Value ?? "").Trim('/');
        if (name.Length == 0)
            return WriteAllAsync(context, snapshot);
        if (snapshot.Services.TryGetValue(name, out var service))
            return WriteAsync(context, ServiceReport.Of(service, snapshot));
        return Problem.WriteAsync(context, StatusCodes.Status404NotFound, $"No service '{name}' is known here.");
    }

    private async Task WriteAsync(HttpContext context, ServiceReport own)
    {
        // The other one may have requests that are not known here; it knows those of both.
        if (sockets.AreShared)
        {
            context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            await Problem.UnavailableAsync(context, "Another proxy takes over from this one. Ask again, over a new connection.");
            return;
        }

        ServiceReport report;
        try
        {
            report = own.With(await leaving.AskAsync(own.Service, context.RequestAborted));
        }
        catch (TimeoutException)
        {
            await Problem.UnavailableAsync(context, "The proxy that this one took over from does not say what it has in flight. Ask again.");
            return;
        }

        await context.Response.WriteAsJsonAsync(report, ReportJson.Default.ServiceReport, cancellationToken: context.RequestAborted);
    }

    private Task WriteAllAsync(HttpContext context, Snapshot snapshot)
    {
        var all = new ServicesReport(
            snapshot.Origin,
            snapshot.Held.Count == 0 ? null : snapshot.Held.Values.Max(),
            new LastGoodReport(lastGood.WrittenAt, lastGood.Fault),
            [.. snapshot.Services.Values
                .OrderBy(service => service.Stored.Service, StringComparer.Ordinal)
                .Select(service => ServiceReport.Of(service, snapshot))]);
        return context.Response.WriteAsJsonAsync(all, ReportJson.Default.ServicesReport, cancellationToken: context.RequestAborted);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServicesReport))]
[JsonSerializable(typeof(ServiceReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
