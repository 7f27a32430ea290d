using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Snapshots;
using ServiceMesh.Proxy.Traffic.Upstreams;
using Yarp.ReverseProxy.Forwarder;

namespace ServiceMesh.Proxy.Traffic;

/// <summary>Sends each request to an instance of the service that its route leads to.</summary>
internal sealed partial class TrafficHandler(
    SnapshotHolder snapshots, IHttpForwarder forwarder, Upstream upstream, ILogger<TrafficHandler> log)
{
    public async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        while (true)
        {
            var snapshot = snapshots.Current;
            if (snapshot.Routes.Match(request.Host.Host, request.Path.Value ?? "") is not { } target)
            {
                await NoRouteAsync(context, snapshot);
                return;
            }

            if (Choice.Pick(snapshot.Services[target.Service].Traffic) is not { } member)
            {
                await Problem.UnavailableAsync(context, $"Service '{target.Service}' has no active instance at the moment.");
                return;
            }

            member.InFlight.Enter();
            try
            {
                // Whoever drains an instance looks at its counter after a newer snapshot is in place. So a request that was
                // counted too late to be seen must not go there: it chooses again, by the newer snapshot.
                if (!ReferenceEquals(snapshot, snapshots.Current))
                    continue;
                await ForwardAsync(context, target, member);
                return;
            }
            finally
            {
                member.InFlight.Leave();
            }
        }
    }

    private async ValueTask ForwardAsync(HttpContext context, RouteTarget target, MemberModel member)
    {
        if (!BodyLimit.Set(context, target.Route))
        {
            await Problem.WriteAsync(
                context, StatusCodes.Status413PayloadTooLarge, $"A request to service '{target.Service}' may have a body of {target.Route.MaxBody} bytes.");
            return;
        }

        var error = await forwarder.SendAsync(
            context, Upstream.AddressOf(target.Route, member.Instance.Url), upstream.ClientOf(target.Route), target.Request, target.Transformer);
        if (error is ForwarderError.None || context.RequestAborted.IsCancellationRequested)
            return;
        ForwardingFailed(target.Service, member.Instance.Url, error, context.GetForwarderErrorFeature()?.Exception?.GetBaseException().Message);
        if (!context.Response.HasStarted)
        {
            await Problem.WriteAsync(
                context, context.Response.StatusCode, $"Service '{target.Service}' could not be asked: {error}.");
        }
    }

    private static Task NoRouteAsync(HttpContext context, Snapshot snapshot) =>
        snapshot.Origin == SnapshotOrigin.None
            ? Problem.UnavailableAsync(context, "The proxy has not learned of any service yet: Consul could not be reached.")
            : Problem.WriteAsync(
                context, StatusCodes.Status404NotFound, $"No route leads to {context.Request.Host.Host}{context.Request.Path}.");

    [LoggerMessage(LogLevel.Warning, "A request to {Service} at {Url} failed: {Error}: {Reason}")]
    private partial void ForwardingFailed(string service, string url, ForwarderError error, string? reason);
}
