using System.Net;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Connections.Features;
using ServiceMesh.Proxy.LastGood;
using ServiceMesh.Proxy.Listening;
using ServiceMesh.Proxy.Snapshots;

namespace ServiceMesh.Proxy.Answers;

/// <summary>Answers <c>GET /services</c> and <c>GET /services/&lt;name&gt;</c>: what this proxy has applied. Nothing can be changed here.</summary>
internal sealed class ServicesAnswer(SnapshotHolder snapshots, LastGoodFile lastGood, ListeningSockets sockets, LeavingProxy leaving)
{
    /// <summary>Whether a request on the traffic port asks the proxy itself: a site of a name of its own has that path for itself. An address is the proxy's.</summary>
    public bool IsAsked(HttpContext context) =>
        context.Request.Path.StartsWithSegments(Route.Reserved)
        && (IsAddress(context.Request.Host.Host)
            || snapshots.Current.Routes.Match(context.Request.Host.Host, context.Request.Path.Value!) is not { Route.Host: not null });

    // .NET takes "1234" and "0x7f" for addresses, too; a deployer does not spell them so, and they are names that a route may have.
    private static bool IsAddress(string host) => host.StartsWith('[') || (IPAddress.TryParse(host, out var address) && address.ToString() == host);

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

    private async Task WriteAllAsync(HttpContext context, Snapshot snapshot)
    {
        // Thousands take their time, and other connections' requests are taken in on this thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var all = new ServicesReport(
            snapshot.Origin,
            snapshot.Held.Count == 0 ? null : snapshot.Held.Values.Max(),
            LastGoodReport.Of(lastGood),
            [.. snapshot.Services.Values
                .OrderBy(service => service.Stored.Service, StringComparer.Ordinal)
                .Select(service => ServiceReport.Of(service, snapshot))]);
        await context.Response.WriteAsJsonAsync(all, ReportJson.Default.ServicesReport, cancellationToken: context.RequestAborted);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ServicesReport))]
[JsonSerializable(typeof(ServiceReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
