using System.Diagnostics;
using System.Net;
using ServiceMesh.Proxy.Answers;
using ServiceMesh.Proxy.Snapshots;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace ServiceMesh.Proxy.Traffic;

/// <summary>Sends each request to an instance of the service that its route leads to.</summary>
internal sealed partial class TrafficHandler(
    SnapshotHolder snapshots, IHttpForwarder forwarder, ITransformBuilder transforms, ILogger<TrafficHandler> log) : IDisposable
{
    private static readonly ForwarderRequestConfig RequestConfig = new() { ActivityTimeout = TimeSpan.FromSeconds(100) };

    private readonly HttpTransformer transformer = transforms.Create(context => context.AddXForwarded(ForwardedTransformActions.Set));

    // One client for all instances: it keeps a pool of connections for each address anyway.
    private readonly HttpMessageInvoker client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        ActivityHeadersPropagator = new ReverseProxyPropagator(DistributedContextPropagator.Current),
    });

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

    public void Dispose() => client.Dispose();

    private async ValueTask ForwardAsync(HttpContext context, RouteTarget target, MemberModel member)
    {
        if (target.Prefix.Length > 0)
        {
            var path = context.Request.Path.Value!;
            context.Request.PathBase = new PathString(path[..target.Prefix.Length]);
            context.Request.Path = new PathString(path[target.Prefix.Length..]);
        }

        var error = await forwarder.SendAsync(context, member.Instance.Url, client, RequestConfig, transformer);
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
